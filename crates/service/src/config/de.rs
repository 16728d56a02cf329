//! Reads a typed configuration out of the merged tree, noting unknown keys and the place of each error.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, StrDeserializer, StringDeserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};

use super::nearest::nearest;
use super::tree::{Node, Origin, Value};

/// A key that no field takes.
#[derive(Debug)]
pub(super) struct Unknown {
    pub(super) path: String,
    pub(super) origin: Origin,
    pub(super) nearest: Option<&'static str>,
}

/// A value that does not fit, with its place once a caller has added it.
#[derive(Debug)]
pub(super) struct DeError {
    pub(super) path: Option<String>,
    pub(super) origin: Option<Origin>,
    pub(super) kind: DeErrorKind,
}

#[derive(Debug)]
pub(super) enum DeErrorKind {
    Missing(&'static str),
    Other(String),
}

impl DeError {
    fn other(message: String) -> Self {
        Self {
            path: None,
            origin: None,
            kind: DeErrorKind::Other(message),
        }
    }

    fn at(mut self, path: &str, origin: &Origin) -> Self {
        if self.path.is_none() {
            self.path = Some(path.to_string());
            self.origin = Some(origin.clone());
        }
        self
    }
}

impl fmt::Display for DeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DeErrorKind::Missing(field) => write!(f, "missing `{field}`"),
            DeErrorKind::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for DeError {}

impl de::Error for DeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::other(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            path: None,
            origin: None,
            kind: DeErrorKind::Missing(field),
        }
    }
}

/// Deserializes one node of the tree.
pub(super) struct NodeDeserializer<'a> {
    pub(super) node: &'a Node,
    pub(super) path: String,
    pub(super) unknown: &'a RefCell<Vec<Unknown>>,
}

impl<'a> NodeDeserializer<'a> {
    fn child(&self, key: &str, node: &'a Node) -> Self {
        let path = if self.path.is_empty() {
            key.to_string()
        } else {
            format!("{}.{key}", self.path)
        };
        Self {
            node,
            path,
            unknown: self.unknown,
        }
    }

    fn located<T>(&self, result: Result<T, DeError>) -> Result<T, DeError> {
        result.map_err(|error| error.at(&self.path, &self.node.origin))
    }

    fn parsed<T: std::str::FromStr>(&self, what: &str) -> Result<Option<T>, DeError> {
        let Value::Text(text) = &self.node.value else {
            return Ok(None);
        };
        let parsed = text.trim().parse().map(Some);
        self.located(parsed.map_err(|_| DeError::other(format!("invalid value: expected {what}"))))
    }

    /// The entries that a struct with `fields` takes; the others are noted as unknown.
    fn entries(
        &self,
        table: &'a BTreeMap<String, Node>,
        fields: &'static [&'static str],
    ) -> Result<Vec<(String, Entry<'a>)>, DeError> {
        let mut entries = Vec::with_capacity(table.len());
        for (key, node) in table {
            let child = self.child(key, node);
            if fields.contains(&key.as_str()) {
                entries.push((key.clone(), Entry::Node(child)));
                continue;
            }
            let by_file = key
                .strip_suffix("_file")
                .filter(|base| fields.contains(base));
            if let Some(base) = by_file {
                if table.contains_key(base) {
                    let message =
                        format!("`{base}` and `{key}` are both given: remove one of them");
                    return child.located(Err(DeError::other(message)));
                }
                let value = Value::Text(child.read_named_file()?);
                let contents = Node {
                    origin: node.origin.clone(),
                    value,
                };
                entries.push((
                    base.to_string(),
                    Entry::Contents(contents, child.path, self.unknown),
                ));
                continue;
            }
            self.unknown.borrow_mut().push(Unknown {
                path: child.path,
                origin: node.origin.clone(),
                nearest: nearest(key, fields),
            });
        }
        Ok(entries)
    }

    fn read_named_file(&self) -> Result<String, DeError> {
        let (Value::Text(name) | Value::Scalar(toml::Value::String(name))) = &self.node.value
        else {
            return self.located(Err(DeError::other("expected the path of a file".into())));
        };
        let contents = std::fs::read_to_string(name)
            .map(|text| text.trim_end_matches(['\r', '\n']).to_string());
        self.located(contents.map_err(|error| DeError::other(format!("read {name}: {error}"))))
    }

    /// An array, or text whose parts are separated by commas.
    fn sequence<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, DeError> {
        let split;
        let items = match &self.node.value {
            Value::Array(items) => items,
            Value::Text(text) => {
                let parts = text
                    .split(',')
                    .map(str::trim)
                    .filter(|part| !part.is_empty());
                split = parts
                    .map(|part| Node {
                        origin: self.node.origin.clone(),
                        value: Value::Text(part.into()),
                    })
                    .collect::<Vec<_>>();
                &split
            }
            Value::Table(_) | Value::Scalar(_) => {
                return self.located(Err(DeError::other("expected a list".into())));
            }
        };
        let items = Items {
            rest: items.iter().enumerate(),
            path: &self.path,
            unknown: self.unknown,
        };
        self.located(visitor.visit_seq(items))
    }
}

enum Entry<'a> {
    Node(NodeDeserializer<'a>),
    /// What the file named by a `_file` key holds, with the key's path.
    Contents(Node, String, &'a RefCell<Vec<Unknown>>),
}

macro_rules! parse_text {
    ($($method:ident, $visit:ident, $type:ty, $what:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
            match self.parsed::<$type>($what)? {
                Some(value) => self.located(visitor.$visit(value)),
                None => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for NodeDeserializer<'_> {
    type Error = DeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        match &self.node.value {
            Value::Text(text) | Value::Scalar(toml::Value::String(text)) => {
                let result = visitor.visit_str(text);
                self.located(result)
            }
            Value::Scalar(toml::Value::Integer(number)) => {
                let result = visitor.visit_i64(*number);
                self.located(result)
            }
            Value::Scalar(toml::Value::Float(number)) => {
                let result = visitor.visit_f64(*number);
                self.located(result)
            }
            Value::Scalar(toml::Value::Boolean(value)) => {
                let result = visitor.visit_bool(*value);
                self.located(result)
            }
            Value::Scalar(other) => {
                let result = visitor.visit_string(other.to_string());
                self.located(result)
            }
            Value::Array(_) => self.sequence(visitor),
            Value::Table(table) => {
                let entries = table
                    .iter()
                    .map(|(key, node)| (key.clone(), Entry::Node(self.child(key, node))))
                    .collect();
                let result = visitor.visit_map(Entries::new(entries));
                self.located(result)
            }
        }
    }

    parse_text! {
        deserialize_bool, visit_bool, bool, "true or false";
        deserialize_i8, visit_i64, i64, "a whole number";
        deserialize_i16, visit_i64, i64, "a whole number";
        deserialize_i32, visit_i64, i64, "a whole number";
        deserialize_i64, visit_i64, i64, "a whole number";
        deserialize_u8, visit_u64, u64, "a whole number of at least 0";
        deserialize_u16, visit_u64, u64, "a whole number of at least 0";
        deserialize_u32, visit_u64, u64, "a whole number of at least 0";
        deserialize_u64, visit_u64, u64, "a whole number of at least 0";
        deserialize_f32, visit_f64, f64, "a number";
        deserialize_f64, visit_f64, f64, "a number";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.sequence(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        let Value::Table(table) = &self.node.value else {
            return self.located(Err(DeError::other("expected a table of keys".into())));
        };
        let entries = self.entries(table, fields)?;
        self.located(visitor.visit_map(Entries::new(entries)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        match &self.node.value {
            Value::Text(text) | Value::Scalar(toml::Value::String(text)) => {
                let variant: StrDeserializer<'_, DeError> = text.as_str().into_deserializer();
                let result = visitor.visit_enum(variant);
                self.located(result)
            }
            Value::Table(table) => {
                let entries = table
                    .iter()
                    .map(|(key, node)| (key.clone(), Entry::Node(self.child(key, node))))
                    .collect();
                let result = visitor.visit_enum(MapAccessDeserializer::new(Entries::new(entries)));
                self.located(result)
            }
            _ => self.located(Err(DeError::other("expected the name of a variant".into()))),
        }
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct map identifier ignored_any
    }
}

struct Entries<'a> {
    rest: std::vec::IntoIter<(String, Entry<'a>)>,
    value: Option<Entry<'a>>,
}

impl<'a> Entries<'a> {
    fn new(entries: Vec<(String, Entry<'a>)>) -> Self {
        Self {
            rest: entries.into_iter(),
            value: None,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = DeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DeError> {
        let Some((key, value)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        let key: StringDeserializer<DeError> = key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, DeError> {
        match self.value.take() {
            Some(Entry::Node(node)) => seed.deserialize(node),
            Some(Entry::Contents(node, path, unknown)) => seed.deserialize(NodeDeserializer {
                node: &node,
                path,
                unknown,
            }),
            None => Err(DeError::other("a value was read before its key".into())),
        }
    }
}

struct Items<'a> {
    rest: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
    path: &'a str,
    unknown: &'a RefCell<Vec<Unknown>>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = DeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DeError> {
        let Some((index, node)) = self.rest.next() else {
            return Ok(None);
        };
        let path = format!("{}.{index}", self.path);
        seed.deserialize(NodeDeserializer {
            node,
            path,
            unknown: self.unknown,
        })
        .map(Some)
    }
}
