//! The client.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use easel_domain::Entropy;
use easel_domain::clock::EntropyExt;
use reqwest::header::{AUTHORIZATION, USER_AGENT};
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::bucket::{Buckets, Limited, RateHeaders, Scope, Turn};
use super::call::{Body, Call, form};
use super::error::{RestError, code};
use super::refusal::Refusals;
use super::reply::{ErrorBody, describe, limited, rate_headers, read, status_label};
use crate::metric;

const AGENT: &str = concat!(
    "DiscordBot (https://easel.invalid, ",
    env!("CARGO_PKG_VERSION"),
    ")"
);
const RETRY_BASE: Duration = Duration::from_millis(250);
const RETRY_CAP: Duration = Duration::from_secs(4);

/// How long calls may take.
#[derive(Debug, Clone)]
pub struct RestSettings {
    /// One try.
    pub try_timeout: Duration,
    /// The first answer to an interaction, all tries together; Discord gives up after 3 s.
    pub answer_timeout: Duration,
    /// Any other call, all tries and waits together.
    pub call_timeout: Duration,
    /// Most requests a second with the bot's own credential, of all processes together.
    pub per_second: u32,
}

impl Default for RestSettings {
    fn default() -> Self {
        Self {
            try_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_millis(2_600),
            call_timeout: Duration::from_secs(30),
            per_second: 49,
        }
    }
}

/// Discord's REST API, as far as the hot path needs it. Clones share limits and connections.
#[derive(Clone)]
pub struct Rest {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    base: String,
    token: SecretString,
    limits: Mutex<Limits>,
    entropy: Arc<dyn Entropy>,
    settings: RestSettings,
}

pub(super) struct Limits {
    pub(super) buckets: Buckets,
    pub(super) refusals: Refusals,
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest")
            .field("base", &self.inner.base)
            .finish_non_exhaustive()
    }
}

/// One try.
enum Outcome {
    Done(Response),
    Limited(Limited),
    Failed {
        reason: String,
        /// Whether there was a connection.
        connected: bool,
    },
    Refused(RestError),
}

impl Rest {
    /// A client for the Discord at `origin`.
    ///
    /// # Errors
    ///
    /// The TLS backend cannot be set up.
    pub fn new(
        origin: &Url,
        token: SecretString,
        settings: RestSettings,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, reqwest::Error> {
        let mut builder = reqwest::Client::builder()
            .timeout(settings.try_timeout)
            .connect_timeout(settings.try_timeout.min(Duration::from_secs(5)))
            .redirect(reqwest::redirect::Policy::none());
        if origin
            .host_str()
            .is_some_and(|host| matches!(host, "127.0.0.1" | "localhost" | "[::1]"))
        {
            // A proxy of the environment has no way to this machine.
            builder = builder.no_proxy();
        }
        let base = format!("{}/api/v10", origin.as_str().trim_end_matches('/'));
        let limits = Mutex::new(Limits {
            buckets: Buckets::new(settings.per_second),
            refusals: Refusals::default(),
        });
        let inner = Inner {
            http: builder.build()?,
            base,
            token,
            limits,
            entropy,
            settings,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// So many processes of the bot run: each sends its part of what Discord allows the whole bot, and stops at its part of
    /// the refusals that a common address may have.
    pub fn share(&self, processes: u32) {
        let processes = processes.max(1);
        let per_second = (self.inner.settings.per_second / processes).max(1);
        let mut limits = self.limits();
        limits.buckets.allow(per_second);
        limits.refusals.share(processes);
        drop(limits);
        metrics::gauge!(metric::PROCESSES).set(f64::from(processes));
        metrics::gauge!(metric::REST_PER_SECOND).set(f64::from(per_second));
    }

    pub(super) async fn send(&self, call: Call) -> Result<Response, RestError> {
        self.send_counted(call)
            .await
            .map(|(response, _)| response)
            .map_err(|(error, _)| error)
    }

    /// Sends until there is an answer, the tries are used up, or the next wait would pass the deadline.
    pub(super) async fn send_counted(
        &self,
        mut call: Call,
    ) -> Result<(Response, u32), (RestError, u32)> {
        let route = call.route;
        let deadline = Instant::now() + call.patience.total;
        let (mut tries, mut failures) = (0, 0_u32);
        loop {
            match call.permit.take() {
                Some(permit) => permit.spend(),
                None => self
                    .wait_for_turn(&call, deadline)
                    .await
                    .map_err(|error| (error, tries))?,
            }
            tries += 1;
            let pause = match self.attempt(&call, deadline).await {
                Outcome::Done(response) => return Ok((response, tries)),
                Outcome::Refused(error) => return Err((error, tries)),
                Outcome::Limited(Limited { retry_after, .. })
                    if tries >= call.patience.tries + 2 =>
                {
                    return Err((RestError::Limited { route, retry_after }, tries));
                }
                // The wait is the bucket's from here on.
                Outcome::Limited(_) => Duration::ZERO,
                Outcome::Failed { reason, connected } => {
                    failures += 1;
                    let doubled = RETRY_BASE
                        .saturating_mul(1 << (failures - 1).min(8))
                        .min(RETRY_CAP);
                    let pause = doubled.mul_f64(0.5 + self.inner.entropy.random_unit() / 2.0);
                    if failures >= call.patience.tries || Instant::now() + pause >= deadline {
                        return Err((
                            RestError::Unavailable {
                                route,
                                tries,
                                connected,
                                reason,
                            },
                            tries,
                        ));
                    }
                    pause
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn wait_for_turn(&self, call: &Call, deadline: Instant) -> Result<(), RestError> {
        loop {
            let now = Instant::now();
            let turn = {
                let mut limits = self.limits();
                if let Some(pause) = limits.refusals.pause(now) {
                    return Err(RestError::Paused {
                        route: call.route,
                        pause,
                    });
                }
                limits.buckets.turn(&call.ask(), now)
            };
            match turn {
                Turn::Now => return Ok(()),
                Turn::Wait(wait) | Turn::WaitAll(wait) if now + wait >= deadline => {
                    return Err(RestError::Limited {
                        route: call.route,
                        retry_after: wait,
                    });
                }
                Turn::Wait(wait) | Turn::WaitAll(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    async fn attempt(&self, call: &Call, deadline: Instant) -> Outcome {
        let left = deadline
            .saturating_duration_since(Instant::now())
            .max(Duration::from_millis(50));
        let sent = Instant::now();
        let url = format!("{}{}", self.inner.base, call.path);
        let mut request = self
            .inner
            .http
            .request(call.method.clone(), url)
            .header(USER_AGENT, AGENT)
            .timeout(left.min(self.inner.settings.try_timeout));
        if call.as_bot {
            request = request.header(
                AUTHORIZATION,
                format!("Bot {}", self.inner.token.expose_secret()),
            );
        }
        request = match &call.body {
            Body::Nothing => request,
            Body::Json(json) => request.json(json),
            Body::Message { json, files } if files.is_empty() => request.json(json),
            Body::Message { json, files } => match form(json, files) {
                Ok(form) => request.multipart(form),
                Err(error) => {
                    self.hand_in(call, None, sent);
                    return failed(error.without_url().to_string());
                }
            },
        };
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                count(call.route, "no_answer");
                self.hand_in(call, None, sent);
                return Outcome::Failed {
                    connected: !error.is_connect(),
                    // The address holds a token.
                    reason: describe(&error.without_url()),
                };
            }
        };
        self.judge(call, response, sent).await
    }

    async fn judge(&self, call: &Call, response: Response, sent: Instant) -> Outcome {
        let (status, now) = (response.status(), Instant::now());
        count(call.route, status_label(status));
        self.hand_in(call, rate_headers(response.headers()).as_ref(), sent);
        if status.is_success() {
            return Outcome::Done(response);
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            let (limited, code) = limited(response).await;
            metrics::counter!(metric::RATE_LIMITED, "scope" => limited.scope.as_str()).increment(1);
            let mut limits = self.limits();
            if limited.scope != Scope::Shared {
                limits.refusals.count(now);
            }
            if code == code::OLD_MESSAGE_EDITS {
                // No bucket's limit: it lasts as long as the message is old.
                return Outcome::Refused(RestError::Refused {
                    route: call.route,
                    status: status.as_u16(),
                    code,
                    message: "old messages were edited too often".into(),
                });
            }
            limits
                .buckets
                .limited(call.route, call.major.key(), limited, now);
            return Outcome::Limited(limited);
        }
        if status.is_server_error() {
            return failed(format!("Discord answered {}", status.as_u16()));
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            self.limits().refusals.count(now);
        }
        let body: ErrorBody = read(call.route, response).await.unwrap_or_default();
        Outcome::Refused(RestError::Refused {
            route: call.route,
            status: status.as_u16(),
            code: body.code,
            message: body.message.chars().take(200).collect(),
        })
    }

    fn hand_in(&self, call: &Call, headers: Option<&RateHeaders>, sent: Instant) {
        let now = Instant::now();
        self.limits()
            .buckets
            .answered(&call.ask(), headers, sent, now);
    }

    pub(super) fn settings(&self) -> &RestSettings {
        &self.inner.settings
    }

    pub(super) fn limits(&self) -> MutexGuard<'_, Limits> {
        self.inner
            .limits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(reason: String) -> Outcome {
    Outcome::Failed {
        reason,
        connected: true,
    }
}

fn count(route: &'static str, status: &'static str) {
    metrics::counter!(metric::REST_REQUESTS, "route" => route, "status" => status).increment(1);
}
