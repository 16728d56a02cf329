//! Discord's HTTP API as a function of the world and one request.

pub(crate) mod body;
mod endpoints;
mod gate;
pub(crate) mod record;
pub(crate) mod route;

use serde_json::Value;

use body::Payload;
pub(crate) use gate::Outcome;
pub use record::{FileRecord, RequestRecord};

use crate::error::ApiError;

/// A request under `/api/v10`, taken apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct ApiRequest {
    pub(crate) method: String,
    /// Path after `/api/v10`, percent-decoded, by segment.
    pub(crate) segments: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) authorization: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) payload: Payload,
}

impl ApiRequest {
    pub(crate) fn path(&self) -> String {
        format!("/{}", self.segments.join("/"))
    }

    fn flag(&self, name: &str) -> bool {
        self.query
            .iter()
            .any(|(key, value)| key == name && (value == "true" || value == "1"))
    }
}

/// An answer: a status and, unless it is 204, a JSON body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Reply {
    fn ok(body: Value) -> Self {
        Self {
            status: 200,
            body,
            headers: Vec::new(),
        }
    }

    fn created(body: Value) -> Self {
        Self {
            status: 201,
            body,
            headers: Vec::new(),
        }
    }

    fn nothing() -> Self {
        Self {
            status: 204,
            body: Value::Null,
            headers: Vec::new(),
        }
    }
}

impl From<ApiError> for Reply {
    fn from(refusal: ApiError) -> Self {
        Self {
            status: refusal.status,
            body: refusal.body(),
            headers: Vec::new(),
        }
    }
}
