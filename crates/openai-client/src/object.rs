//! JSON objects that keep what they do not know.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};
use serde_json::Value;

/// Defines a struct for a JSON object of which only some fields are typed; all others are kept in `extra`.
///
/// What was read is written again exactly: an unknown field with its value, and a typed field that came as `null`
/// as `null`, while one that was missing stays missing. Each field is one of
///
/// - `required`: an error when it is missing;
/// - `long`: the same, of a text that may be long, and is written quickly;
/// - `default`: its type's default when it is missing or `null`;
/// - `optional`: an `Option` in Rust, left out when it is `None`;
/// - `loose`: as `optional`, but anything of another type that comes under its name is kept in `extra`;
/// - `local`: not a part of the JSON at all.
///
/// A field is typed here because programs read it; everything else of an API that grows by the week is in `extra`.
macro_rules! object {
    (
        $(#[$meta:meta])*
        pub struct $Name:ident {
            $( required { $( $(#[$required_meta:meta])* $required:ident: $Required:ty, )* } )?
            $( long { $( $(#[$long_meta:meta])* $long:ident: $Long:ty, )* } )?
            $( default { $( $(#[$default_meta:meta])* $default:ident: $Default:ty, )* } )?
            $( optional { $( $(#[$optional_meta:meta])* $optional:ident: $Optional:ty, )* } )?
            $( loose { $( $(#[$loose_meta:meta])* $loose:ident: $Loose:ty, )* } )?
            $( local { $( $(#[$local_meta:meta])* $local:ident: $Local:ty, )* } )?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct $Name {
            $($( $(#[$required_meta])* pub $required: $Required, )*)?
            $($( $(#[$long_meta])* pub $long: $Long, )*)?
            $($( $(#[$default_meta])* pub $default: $Default, )*)?
            $($( $(#[$optional_meta])* pub $optional: Option<$Optional>, )*)?
            $($( $(#[$loose_meta])* pub $loose: Option<$Loose>, )*)?
            $($( $(#[$local_meta])* pub $local: $Local, )*)?
            /// Every field that is not typed above, as it came or as it shall be sent.
            pub extra: $crate::Extra,
            /// Which of the optional fields came as `null`.
            pub(crate) nulls: $crate::object::Nulls,
        }

        const _: () = {
            /// The optional fields, by their places among them.
            #[allow(non_camel_case_types, dead_code, reason = "named after the fields")]
            enum Place { $($( $optional, )*)? $($( $loose, )*)? }

            impl $Name {
                /// Forgets that an optional field came as `null`.
                #[allow(dead_code, unused_variables, reason = "few are asked to")]
                pub(crate) fn forget_null(&mut self, name: &str) {
                    match name {
                        $($( stringify!($optional) => self.nulls.set(Place::$optional as u32, false), )*)?
                        $($( stringify!($loose) => self.nulls.set(Place::$loose as u32, false), )*)?
                        _ => {}
                    }
                }
            }

            impl serde::Serialize for $Name {
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    use serde::ser::SerializeMap;

                    let mut map = serializer.serialize_map(None)?;
                    $($( map.serialize_entry(stringify!($required), &self.$required)?; )*)?
                    $($( map.serialize_entry(stringify!($long), &$crate::text::Long(&self.$long))?; )*)?
                    $($( map.serialize_entry(stringify!($default), &self.$default)?; )*)?
                    $($( if let Some(value) = &self.$optional {
                        map.serialize_entry(stringify!($optional), value)?;
                    } else if self.nulls.has(Place::$optional as u32) {
                        map.serialize_entry(stringify!($optional), &())?;
                    } )*)?
                    $($( if let Some(value) = &self.$loose {
                        map.serialize_entry(stringify!($loose), value)?;
                    } else if self.nulls.has(Place::$loose as u32) {
                        map.serialize_entry(stringify!($loose), &())?;
                    } )*)?
                    for (name, value) in &self.extra {
                        let written = match name.as_str() {
                            $($( stringify!($required) => true, )*)?
                            $($( stringify!($long) => true, )*)?
                            $($( stringify!($default) => true, )*)?
                            $($( stringify!($optional) => {
                                self.$optional.is_some() || self.nulls.has(Place::$optional as u32)
                            } )*)?
                            $($( stringify!($loose) => {
                                self.$loose.is_some() || self.nulls.has(Place::$loose as u32)
                            } )*)?
                            _ => false,
                        };
                        if !written {
                            map.serialize_entry(name, value)?;
                        }
                    }
                    map.end()
                }
            }

            impl<'de> serde::Deserialize<'de> for $Name {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    struct Visitor;

                    impl<'de> serde::de::Visitor<'de> for Visitor {
                        type Value = $Name;

                        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                            f.write_str(concat!("an object (", stringify!($Name), ")"))
                        }

                        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$Name, A::Error> {
                            $($( let mut $required: Option<$Required> = None; )*)?
                            $($( let mut $long: Option<$Long> = None; )*)?
                            $($( let mut $default: Option<$Default> = None; )*)?
                            $($( let mut $optional: Option<$Optional> = None; )*)?
                            $($( let mut $loose: Option<$Loose> = None; )*)?
                            let mut extra = $crate::Extra::new();
                            #[allow(unused_mut, reason = "not all have optional fields")]
                            let mut nulls = $crate::object::Nulls::default();
                            while let Some($crate::object::Name(name)) = map.next_key()? {
                                match &*name {
                                    $($( stringify!($required) => $required = Some(map.next_value()?), )*)?
                                    $($( stringify!($long) => $long = Some(map.next_value()?), )*)?
                                    $($( stringify!($default) => $default = map.next_value()?, )*)?
                                    $($( stringify!($optional) => {
                                        $optional = map.next_value()?;
                                        nulls.set(Place::$optional as u32, $optional.is_none());
                                    } )*)?
                                    $($( stringify!($loose) => match map.next_value()? {
                                        $crate::object::Loose::Said(said) => $loose = Some(said),
                                        $crate::object::Loose::Null => nulls.set(Place::$loose as u32, true),
                                        $crate::object::Loose::Other(value) => {
                                            extra.insert(name.into_owned(), value);
                                        }
                                    }, )*)?
                                    _ => { extra.insert(name.into_owned(), map.next_value()?); }
                                }
                            }
                            Ok($Name {
                                $($( $required: $required
                                    .ok_or_else(|| serde::de::Error::missing_field(stringify!($required)))?, )*)?
                                $($( $long: $long
                                    .ok_or_else(|| serde::de::Error::missing_field(stringify!($long)))?, )*)?
                                $($( $default: $default.unwrap_or_default(), )*)?
                                $($( $optional, )*)?
                                $($( $loose, )*)?
                                $($( $local: Default::default(), )*)?
                                extra,
                                nulls,
                            })
                        }
                    }

                    deserializer.deserialize_map(Visitor)
                }
            }
        };
    };
}

/// Defines an enum of strings that an API may add to: what is not known is kept in `Other`.
macro_rules! strings {
    (
        $(#[$meta:meta])*
        pub enum $Name:ident { $( $(#[$variant_meta:meta])* $Variant:ident = $text:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $Name {
            $( $(#[$variant_meta])* $Variant, )+
            /// A value that this version does not know.
            Other(Box<str>),
        }

        impl $Name {
            /// Returns the text that stands for it in JSON.
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$Variant => $text, )+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $Name {
            fn from(text: &str) -> Self {
                match text {
                    $( $text => Self::$Variant, )+
                    other => Self::Other(other.into()),
                }
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $Name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $Name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let $crate::object::Name(text) = serde::Deserialize::deserialize(deserializer)?;
                Ok(Self::from(&*text))
            }
        }
    };
}

pub(crate) use {object, strings};

/// A field's name or another short text, borrowed from the input where the input allows it.
pub(crate) struct Name<'de>(pub(crate) Cow<'de, str>);

/// What stands where a `T` is meant to.
pub(crate) enum Loose<T> {
    Said(T),
    Null,
    Other(Value),
}

/// What may be meant to stand somewhere.
pub(crate) trait Meant: Sized {
    /// Reads it, or gives the value back.
    fn read(value: Value) -> Result<Self, Value>;
}

/// Which of an object's optional fields came as `null`, to be written as `null` again: a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Nulls(u64);

// === impl Nulls ===

impl Nulls {
    pub(crate) const fn has(self, place: u32) -> bool {
        self.0 >> place & 1 != 0
    }

    pub(crate) const fn set(&mut self, place: u32, is_null: bool) {
        self.0 = self.0 & !(1 << place) | (is_null as u64) << place;
    }
}

// === impl Name ===

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text)))
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}

// === impl Loose ===

impl<'de, T: Meant> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::Null => Self::Null,
            value => T::read(value).map_or_else(Self::Other, Self::Said),
        })
    }
}

impl Meant for String {
    fn read(value: Value) -> Result<Self, Value> {
        if let Value::String(said) = value { Ok(said) } else { Err(value) }
    }
}

impl Meant for u64 {
    fn read(value: Value) -> Result<Self, Value> {
        value.as_u64().ok_or(value)
    }
}
