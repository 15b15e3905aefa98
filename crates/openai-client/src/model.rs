use http::HeaderMap;

use crate::object::object;

/// Asks for the list of models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListModels;

object! {
    /// The models that a backend serves.
    pub struct ModelList {
        required {
            /// The models.
            data: Vec<Model>,
        }
        local {
            /// The headers of the response. Not a part of the JSON.
            headers: HeaderMap,
        }
    }
}

object! {
    /// One model.
    pub struct Model {
        required {
            /// The name to ask for it.
            id: String,
        }
        optional {
            /// Who made or serves it.
            owned_by: String,
            /// When it was made, in seconds since 1970.
            created: i64,
        }
    }
}
