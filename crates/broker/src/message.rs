//! One outgoing message.

use std::collections::BTreeMap;

use easel_domain::message::Versioned;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use serde::Serialize;

use crate::names::Target;
use crate::trace::{TRACEPARENT, TraceContext};

const TRANSIENT: u8 = 1;
const PERSISTENT: u8 = 2;

/// A body that cannot be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("encode message body")]
pub struct EncodeError(#[from] serde_json::Error);

/// A message that is ready to be published, with `mandatory` unless told otherwise.
#[derive(Clone)]
pub struct Message {
    pub(crate) target: Target,
    pub(crate) body: Vec<u8>,
    pub(crate) mandatory: bool,
    pub(crate) content_type: String,
    pub(crate) headers: BTreeMap<String, String>,
}

/// Bodies may hold words of members, so only the length is shown.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("target", &self.target)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Message {
    /// `body` as versioned JSON.
    ///
    /// # Errors
    /// A body that serde cannot write as JSON.
    pub fn new<T: Serialize>(target: Target, body: &T) -> Result<Self, EncodeError> {
        Ok(Self::raw(
            target,
            serde_json::to_vec(&Versioned::new(body))?,
            "application/json",
        ))
    }

    /// A body that is versioned JSON already, as an outbox row holds it.
    pub fn encoded(target: Target, body: &serde_json::Value) -> Self {
        Self::raw(target, body.to_string().into_bytes(), "application/json")
    }

    pub(crate) fn raw(target: Target, body: Vec<u8>, content_type: &str) -> Self {
        Self {
            target,
            body,
            mandatory: true,
            content_type: content_type.into(),
            headers: BTreeMap::new(),
        }
    }

    /// A message that may vanish where no queue takes it.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.mandatory = false;
        self
    }

    /// Carries the trace.
    #[must_use]
    pub fn trace(self, trace: TraceContext) -> Self {
        self.header(TRACEPARENT, trace.to_string())
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    pub(crate) fn properties(&self) -> BasicProperties {
        let mut headers = FieldTable::default();
        for (name, value) in &self.headers {
            headers.insert(
                name.as_str().into(),
                AMQPValue::LongString(value.as_str().into()),
            );
        }
        BasicProperties::default()
            .with_content_type(self.content_type.as_str().into())
            .with_delivery_mode(if self.target.persistent {
                PERSISTENT
            } else {
                TRANSIENT
            })
            .with_headers(headers)
    }
}
