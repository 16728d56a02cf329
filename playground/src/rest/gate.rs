//! What every request passes: faults, the ban, User-Agent and token, limits; and the log.

use serde_json::Value;

use super::endpoints::answer;
use super::record::RequestRecord;
use super::route::Route;
use super::{ApiRequest, Reply};
use crate::error::ApiError;
use crate::world::{Failure, Misbehaviour, Verdict, World};

/// Requests kept in the log.
const LOGGED: usize = 10_000;

/// What the server shall do with a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Answer(Reply),
    AnswerLate(Reply, std::time::Duration),
    /// A body that is not what Discord's API sends, with a status.
    Foreign(u16, &'static str),
    /// The answer trickles in over this time.
    AnswerSlowly(Reply, std::time::Duration),
    Hang,
    Close,
}

impl World {
    /// Carries out one request under `/api/v10`.
    pub(crate) fn serve(&mut self, request: &ApiRequest) -> Outcome {
        let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
        let route = Route::of(&request.method, &segments);
        let fault = self
            .faults
            .take_route(&request.method, &request.path(), &route.template);
        let outcome = match fault {
            Some(Misbehaviour {
                failure,
                takes_effect,
            }) => self.misbehave(request, &route, failure, takes_effect),
            None if self.rules.latency.is_zero() => Outcome::Answer(self.behave(request, &route)),
            None => Outcome::AnswerLate(self.behave(request, &route), self.rules.latency),
        };
        self.log(request, &route, &outcome);
        outcome
    }

    fn behave(&mut self, request: &ApiRequest, route: &Route) -> Reply {
        if let Err(refusal) = self.admit(request, route) {
            return refusal.into();
        }
        let verdict = self.limiter.count(&self.rules.rate_limits, route, self.now);
        if let Some(body) = verdict.refusal {
            return Reply {
                status: 429,
                body,
                headers: verdict.headers,
            };
        }
        let mut reply = answer(self, request).unwrap_or_else(Reply::from);
        reply.headers = verdict.headers;
        reply
    }

    fn admit(&self, request: &ApiRequest, route: &Route) -> Result<(), ApiError> {
        if self.limiter.invalid_requests() >= self.rules.rate_limits.invalid_allowed as usize {
            return Err(ApiError::plain(429, "error code: 1015"));
        }
        let agent = request.user_agent.as_deref().unwrap_or_default();
        if !(agent.starts_with("DiscordBot (") && agent.contains(')')) {
            return Err(ApiError::bad_user_agent());
        }
        let is_open = route.is_interaction() || request.segments == ["gateway"];
        let token = request
            .authorization
            .as_deref()
            .and_then(|value| value.strip_prefix("Bot "));
        if is_open || token == Some(self.token.as_str()) {
            Ok(())
        } else {
            Err(ApiError::unauthorized())
        }
    }

    fn misbehave(
        &mut self,
        request: &ApiRequest,
        route: &Route,
        failure: Failure,
        takes_effect: bool,
    ) -> Outcome {
        if let Failure::Delay { ms } = failure {
            return Outcome::AnswerLate(
                self.behave(request, route),
                std::time::Duration::from_millis(ms),
            );
        }
        if let Failure::Slow { ms } = failure {
            let over = std::time::Duration::from_millis(ms);
            return Outcome::AnswerSlowly(self.behave(request, route), over);
        }
        if takes_effect {
            self.behave(request, route);
        }
        match failure {
            Failure::Status { status } => Outcome::Foreign(
                status,
                "<html><head><title>upstream error</title></head></html>",
            ),
            Failure::Refuse {
                status,
                code,
                message,
            } => Outcome::Answer(
                ApiError {
                    status,
                    code,
                    message,
                    errors: None,
                }
                .into(),
            ),
            Failure::Code { code } => {
                let unknown = || ApiError::plain(400, "a fault switch names an unknown code");
                Outcome::Answer(ApiError::by_code(code).unwrap_or_else(unknown).into())
            }
            Failure::RateLimited { retry_after, scope } => {
                let mut verdict = Verdict::too_many(retry_after, &scope);
                if scope != "global" {
                    let limits = &self.rules.rate_limits;
                    verdict.name_bucket(limits, route, retry_after, self.now);
                }
                let body = verdict.refusal.unwrap_or_default();
                Outcome::Answer(Reply {
                    status: 429,
                    body,
                    headers: verdict.headers,
                })
            }
            Failure::Garbage => Outcome::Foreign(200, "}{ this is not JSON"),
            Failure::Hang => Outcome::Hang,
            Failure::Close | Failure::Delay { .. } | Failure::Slow { .. } => Outcome::Close,
        }
    }

    fn log(&mut self, request: &ApiRequest, route: &Route, outcome: &Outcome) {
        let mut record = RequestRecord::new(request, route, self.now);
        let mut is_shared = false;
        match outcome {
            Outcome::Answer(reply)
            | Outcome::AnswerLate(reply, _)
            | Outcome::AnswerSlowly(reply, _) => {
                record.status = reply.status;
                record.code = if reply.status >= 400 {
                    reply.body["code"].as_u64()
                } else {
                    None
                };
                is_shared = reply.headers.iter().any(|(_, value)| value == "shared");
                if reply.status == 429 {
                    let scope = reply
                        .headers
                        .iter()
                        .find(|(name, _)| *name == "x-ratelimit-scope");
                    let scope = scope.map_or("none", |(_, scope)| scope).to_owned();
                    let kind = (record.template.clone(), scope);
                    *self.limited.entry(kind).or_default() += 1;
                }
            }
            Outcome::Foreign(status, _) => record.status = *status,
            Outcome::Hang | Outcome::Close => {}
        }
        let kind = (record.template.clone(), record.status);
        *self.tallies.entry(kind).or_default() += 1;
        self.limiter.note_answer(record.status, is_shared, self.now);
        if self.requests.len() >= LOGGED {
            self.requests.pop_front();
        }
        self.requests.push_back(record);
    }

    /// The log as JSON, for the control page.
    pub(crate) fn requests_json(&self) -> Value {
        serde_json::to_value(&self.requests).unwrap_or_default()
    }
}
