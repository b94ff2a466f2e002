//! Words of a document: choices, each of which stands for a value of the domain.

/// Enums of words, with both ways between each and the domain's.
macro_rules! words {
    ($( $(#[$meta:meta])+ $name:ident = $of:ty { $( $(#[$word_meta:meta])+ $word:ident, )+ } )+) => {$(
        $(#[$meta])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $( $(#[$word_meta])+ $word, )+ }

        impl From<$of> for $name {
            fn from(value: $of) -> Self {
                match value { $( <$of>::$word => Self::$word, )+ }
            }
        }

        impl From<$name> for $of {
            fn from(word: $name) -> Self {
                match word { $( $name::$word => Self::$word, )+ }
            }
        }
    )+};
}

pub(super) use words;
