use crate::Patience;

/// The settings of a layer and of its services.
#[derive(Clone, Debug)]
pub(crate) struct Settings<W, M, T> {
    pub(crate) weigh: W,
    pub(crate) meter: M,
    pub(crate) track: T,
    pub(crate) patience: Patience,
}
