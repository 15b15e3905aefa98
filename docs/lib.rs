//! The guide: see `docs/src`. Here its examples are compiled and run, chapter by chapter.

macro_rules! chapters {
    ($($name:ident)*) => {
        $(
            #[doc = include_str!(concat!("src/", stringify!($name), ".md"))]
            pub mod $name {}
        )*
    };
}

chapters! { intro layers order tuning streaming cost configuration observing testing cookbook }
