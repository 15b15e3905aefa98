use std::{collections::HashMap, io};

use serde::Deserialize;
use thiserror::Error;

use crate::{Invalid, Price};

/// Prices by model, read from a table with the columns `model`, `input`, `output`, `date` and `source`.
///
/// Prices change: each row says when it was looked up, and where. The table that comes with the crate is a start; read your
/// own over it with [`read`](Self::read).
///
/// # Examples
///
/// ```
/// use mainstay_router::Prices;
///
/// let mut prices = Prices::bundled();
/// assert_eq!(prices.get("gpt-4o-mini").map(|price| price.input()), Some(0.15));
///
/// prices.read("model,input,output,date,source\nours,0.01,0.02,2026-01-01,the contract\n".as_bytes())?;
/// assert_eq!(prices.get("ours").map(|price| price.output()), Some(0.02));
/// # Ok::<_, mainstay_router::InvalidPrices>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Prices {
    rows: HashMap<String, Quote>,
}

/// A price, with when it was looked up and where.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Quote {
    /// The price.
    pub price: Price,
    /// When it was looked up, or what date its source bears, as written in the table.
    pub date: String,
    /// Where it was looked up.
    pub source: String,
}

/// A table of prices that cannot be read. It names the line and the column where it can.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InvalidPrices {
    /// The table is not CSV, or lacks a column, or a price is not a number.
    #[error("the table of prices cannot be read")]
    Table(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A price makes no sense.
    #[error("the price of {model}")]
    Price {
        /// The model whose price it is.
        model: String,
        /// What is wrong with it.
        #[source]
        invalid: Invalid,
    },
}

#[derive(Deserialize)]
struct Line {
    model: String,
    input: f64,
    output: f64,
    date: String,
    source: String,
}

const BUNDLED: &str = include_str!("../data/prices.csv");

// === impl Prices ===

impl Prices {
    /// The table that comes with the crate.
    pub fn bundled() -> Self {
        let mut prices = Self::default();
        let read = prices.read(BUNDLED.as_bytes());
        debug_assert!(read.is_ok(), "a test reads all of the bundled table");
        prices
    }

    /// Reads a table; its rows take the place of those for the same models.
    ///
    /// # Errors
    ///
    /// The first row that cannot be read. Those before it have been taken.
    pub fn read(&mut self, table: impl io::Read) -> Result<(), InvalidPrices> {
        for line in csv::Reader::from_reader(table).deserialize() {
            let Line { model, input, output, date, source } =
                line.map_err(|error| InvalidPrices::Table(error.into()))?;
            let price = Price::per_million(input, output)
                .map_err(|invalid| InvalidPrices::Price { model: model.clone(), invalid })?;
            self.rows.insert(model, Quote { price, date, source });
        }
        Ok(())
    }

    /// The price of a model.
    pub fn get(&self, model: &str) -> Option<Price> {
        self.quote(model).map(|quote| quote.price)
    }

    /// The price of a model, with its date and source.
    pub fn quote(&self, model: &str) -> Option<&Quote> {
        self.rows.get(model)
    }
}
