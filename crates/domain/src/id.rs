//! One type per id, so that swapped ids do not compile.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Text that is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not a {kind}")]
pub struct InvalidId {
    kind: &'static str,
    value: String,
}

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(value: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(value)
                    .map(Self)
                    .map_err(|_| InvalidId { kind: stringify!($name), value: value.chars().take(64).collect() })
            }
        }

        #[cfg(feature = "postgres")]
        postgres_id!($name, Uuid);
    )*};
}

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// One to 64 of `a-z 0-9 - _`, so that the id is safe in queue names and in keys.
            fn from_str(value: &str) -> Result<Self, InvalidId> {
                let sound = (1..=64).contains(&value.len())
                    && value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
                if sound {
                    Ok(Self(value.to_owned()))
                } else {
                    Err(InvalidId { kind: stringify!($name), value: value.chars().take(64).collect() })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(value: String) -> Result<Self, InvalidId> {
                value.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        #[cfg(feature = "postgres")]
        postgres_id!($name, String);
    )*};
}

macro_rules! snowflake_id {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl $name {
            /// From the unsigned form that Discord's libraries use. Snowflakes stay below 2^63 until the year 2084.
            pub fn from_u64(id: u64) -> Self {
                Self(i64::try_from(id).unwrap_or(i64::MAX))
            }

            /// The unsigned form that Discord's libraries use.
            pub fn as_u64(self) -> u64 {
                u64::try_from(self.0).unwrap_or(0)
            }

            /// A number whose remainders are spread evenly: when the id was made, in milliseconds. The bits below count
            /// within a millisecond and are nearly always the same.
            pub fn spread(self) -> u64 {
                self.as_u64() >> 22
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        #[cfg(feature = "postgres")]
        postgres_id!($name, i64);
    )*};
}

#[cfg(feature = "postgres")]
macro_rules! postgres_id {
    ($name:ident, $inner:ty) => {
        impl postgres_types::ToSql for $name {
            fn to_sql(
                &self,
                ty: &postgres_types::Type,
                out: &mut bytes::BytesMut,
            ) -> Result<postgres_types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
                self.0.to_sql(ty, out)
            }

            fn accepts(ty: &postgres_types::Type) -> bool {
                <$inner as postgres_types::ToSql>::accepts(ty)
            }

            postgres_types::to_sql_checked!();
        }

        impl<'a> postgres_types::FromSql<'a> for $name {
            fn from_sql(
                ty: &postgres_types::Type,
                raw: &'a [u8],
            ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
                <$inner as postgres_types::FromSql>::from_sql(ty, raw).map(Self)
            }

            fn accepts(ty: &postgres_types::Type) -> bool {
                <$inner as postgres_types::FromSql>::accepts(ty)
            }
        }
    };
}

uuid_id! {
    /// One picture request and everything that becomes of it. Time-ordered.
    JobId
    /// Several jobs that were confirmed together.
    BatchId
    /// A member, known by nothing but this key (S4).
    UserId
    /// One finished picture.
    PictureId
    /// One start of a node process.
    BootId
    /// The fencing token of one lease.
    LeaseToken
    /// A question that expects an answer, such as a grant request.
    RequestId
}

text_id! {
    /// A GPU node, named by its operator.
    NodeId
}

snowflake_id! {
    /// Any Discord snowflake that has no type of its own: channel, message, user.
    DiscordId
    /// A Discord guild.
    GuildKey
    /// A Discord interaction: the idempotency key of everything that it causes.
    InteractionId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_ids_are_safe_in_queue_names() {
        assert!("gpu-1_a".parse::<NodeId>().is_ok());
        for bad in ["", "GPU", "a.b", "a b", "ü", &"a".repeat(65)] {
            assert!(bad.parse::<NodeId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_id_round_trips_through_text_and_json() {
        let id = JobId(Uuid::from_u128(0x1234_5678));
        assert_eq!(id.to_string().parse::<JobId>(), Ok(id));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<JobId>(&json).unwrap(), id);
    }
}
