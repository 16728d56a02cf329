//! The limits without a Discord around them: for clients that try their own limiter in virtual time.

use serde_json::Value;
use time::OffsetDateTime;

use crate::rest::route::Route;
use crate::world::{Limiter, RateLimits};

/// Counts requests exactly as a playground with these limits does.
#[derive(Debug, Default)]
pub struct LimitsAlone {
    limits: RateLimits,
    limiter: Limiter,
}

/// What the limits say about a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// The rate-limit headers of its answer, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body of the 429, if it was one too many.
    pub refusal: Option<Value>,
}

impl LimitsAlone {
    /// Nothing counted yet.
    pub fn new(limits: RateLimits) -> Self {
        Self {
            limits,
            limiter: Limiter::default(),
        }
    }

    /// Counts a request that arrives at `now`; `path` is what follows `/api/v10`.
    pub fn request(&mut self, method: &str, path: &str, now: OffsetDateTime) -> Counted {
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let route = Route::of(method, &segments);
        let verdict = self.limiter.count(&self.limits, &route, now);
        Counted {
            headers: verdict.headers,
            refusal: verdict.refusal,
        }
    }
}
