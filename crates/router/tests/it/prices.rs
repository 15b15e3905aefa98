use mainstay_router::{Backend, InvalidPrices, Price, Prices, Usage};

#[test]
fn the_bundled_table_says_what_the_guide_says() {
    let prices = Prices::bundled();
    assert_eq!(prices.get("gpt-4o-mini").unwrap().input().to_string(), "0.15");
    assert_eq!(prices.get("gpt-4o").unwrap().input().to_string(), "2.5");
    let quote = prices.quote("gpt-4o").unwrap();
    assert!(quote.source.starts_with("https://") && quote.date.len() == "2026-05".len());
    let cost = prices.get("gpt-4o").unwrap().cost(Usage::new(1_000_000, 0));
    assert!((cost - 2.5).abs() < 1e-12);
}

#[test]
fn a_price_that_makes_no_sense_is_refused() {
    for price in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(Price::per_million(price, 1.0).unwrap_err().field(), "input price");
        assert_eq!(Price::per_million(1.0, price).unwrap_err().field(), "output price");
        assert_eq!(Backend::new("one", ()).weight(price).unwrap_err().field(), "weight");
    }
    let table = "model,input,output,date,source\nm,-1,2,2026-01-01,here\n";
    let error = Prices::default().read(table.as_bytes()).unwrap_err();
    assert!(matches!(error, InvalidPrices::Price { model, .. } if model == "m"));
    let error = Prices::default().read("model,input\nm,1\n".as_bytes()).unwrap_err();
    assert!(matches!(&error, InvalidPrices::Table(cause) if cause.to_string().contains("missing field")));
    assert!(std::error::Error::source(&error).is_some());
}
