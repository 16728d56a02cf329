//! What happens in a conversation, drawn from its seed.

use std::time::Duration;

use easel_domain::JobId;
use easel_domain::message::ProgressState;
use easel_playground::{
    Chaos, DispatchFault, EventChance, Failure, Person, RouteChance, SeenMessage,
    StartedInteraction,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::checks;
use crate::setting::World;

/// Things that happen before all is healed.
const STEPS: usize = 100;

/// Time between two of them, at most.
const PAUSE: Duration = Duration::from_millis(120);

const PEOPLE: [&str; 3] = ["ada", "grace", "alan"];

/// Short limits, so that what hangs is given up within the story. As in earnest, an interaction counts as abandoned only
/// long after every try to answer it is over. No answer is given without its row, however slow the machine is: nobody could
/// come back to it.
const SETTINGS: [(&str, &str); 5] = [
    ("intake.note_first", "2s"),
    ("discord.try_timeout", "500ms"),
    ("discord.call_timeout", "2s"),
    ("delivery.sweep_every", "300ms"),
    ("delivery.abandoned_after", "6s"),
];

pub struct Story {
    pub world: World,
    pub started: Vec<StartedInteraction>,
    /// Messages that a person deleted, or wanted deleted.
    pub deleted: usize,
    random: ChaCha8Rng,
    deaths: usize,
}

/// Requests fail in every way there is, most often before and sometimes after they took effect.
fn chaos(seed: u64) -> Chaos {
    let rule = |route: &str, chance: f64, failure: Failure, takes_effect: bool| RouteChance {
        method: None,
        route: route.to_owned(),
        chance,
        failure,
        takes_effect,
    };
    let mut routes = Vec::new();
    for route in ["/webhooks/", "/channels/", "/callback"] {
        routes.extend([
            rule(route, 0.05, Failure::Status { status: 502 }, false),
            rule(route, 0.03, Failure::Close, false),
            rule(route, 0.03, Failure::Close, true),
            rule(route, 0.02, Failure::Hang, false),
            rule(route, 0.02, Failure::Hang, true),
            rule(route, 0.02, Failure::Garbage, true),
            rule(route, 0.03, Failure::Delay { ms: 300 }, true),
            rule(route, 0.02, Failure::Slow { ms: 300 }, true),
        ]);
    }
    let shared = Failure::RateLimited {
        retry_after: 0.3,
        scope: "shared".to_owned(),
    };
    routes.push(rule("/channels/", 0.03, shared, false));
    let event = |name: &str, chance: f64, fault: DispatchFault| EventChance {
        event: name.to_owned(),
        chance,
        fault,
    };
    let events = vec![
        event("INTERACTION_CREATE", 0.05, DispatchFault::Drop),
        event("INTERACTION_CREATE", 0.20, DispatchFault::Duplicate),
        event("INTERACTION_CREATE", 0.10, DispatchFault::Late(400)),
        event("INTERACTION_CREATE", 0.10, DispatchFault::Reorder),
    ];
    Chaos {
        seed,
        routes,
        events,
        random_buckets: true,
    }
}

impl Story {
    /// Tells the story of a seed; says what happened in it, or what must not have.
    pub async fn tell(seed: u64) -> Result<String, String> {
        let world = World::start_with(&SETTINGS).await;
        let mut story = Self {
            world,
            started: Vec::new(),
            deleted: 0,
            random: ChaCha8Rng::seed_from_u64(seed),
            deaths: 0,
        };
        story.world.discord.begin_chaos(chaos(seed));
        for _ in 0..STEPS {
            story.happen().await;
            let pause = story.below(PAUSE.as_millis() as usize) as u64;
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        story.world.discord.heal();
        story.end().await
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        (self.random.next_u64() % end.max(1) as u64) as usize
    }

    fn person(&mut self) -> Person {
        let name = PEOPLE[self.below(PEOPLE.len())];
        self.world.discord.user(name)
    }

    async fn happen(&mut self) {
        match self.below(120) {
            0..32 => self.imagine(),
            32..68 => self.click(),
            68..92 => self.end_one().await,
            92..112 => self.advance_one().await,
            112 => self.world.discord.sever_connections(),
            113 => self.world.discord.ask_to_reconnect(),
            114 => self.world.discord.invalidate_sessions(true),
            115 => self.world.discord.invalidate_sessions(false),
            116 => self.world.discord.freeze_connections(),
            117 => self.delete(),
            118 => {
                let term = Duration::from_millis(500);
                // A bot that has only just begun owns none yet.
                let _ = self.world.platform.take_over_shards(term).await;
            }
            _ => self.die().await,
        }
    }

    fn imagine(&mut self) {
        let prompt = format!("boat number {}", self.started.len());
        let person = self.person();
        // Refused where the bot is gone: then nobody was promised anything.
        self.started
            .extend(person.begin("imagine", [("prompt", prompt.as_str())]).ok());
    }

    fn click(&mut self) {
        let person = self.person();
        let messages: Vec<_> = person
            .messages()
            .into_iter()
            .filter(SeenMessage::is_by_bot)
            .collect();
        if messages.is_empty() {
            return;
        }
        let message = &messages[self.below(messages.len())];
        let buttons: Vec<_> = message
            .buttons()
            .into_iter()
            .filter(|button| !button.is_disabled)
            .collect();
        if buttons.is_empty() {
            return;
        }
        let button = &buttons[self.below(buttons.len())];
        if let Some(id) = &button.custom_id {
            // ❌ of a result, confirmed.
            self.deleted += usize::from(id.starts_with("v1:delete:") && id.ends_with(":1"));
            self.started.extend(person.begin_click(message, id).ok());
        }
    }

    fn delete(&mut self) {
        let messages = self.world.public_messages();
        if messages.is_empty() {
            return;
        }
        let message = &messages[self.below(messages.len())];
        self.world.discord.delete_message(message.id());
        self.deleted += 1;
    }

    async fn die(&mut self) {
        self.deaths += 1;
        self.world.kill_bot().await;
        self.world.start_bot().await;
    }

    async fn advance_one(&mut self) {
        let running = self.world.platform.open_jobs().await;
        if running.is_empty() {
            return;
        }
        let job = running[self.below(running.len())];
        let percent = self.below(100) as u8;
        let state = ProgressState::Running {
            percent,
            preview: None,
        };
        self.world.platform.progress(job, state).await;
    }

    async fn end_one(&mut self) {
        let running = self.world.platform.open_jobs().await;
        if running.is_empty() {
            return;
        }
        let job = running[self.below(running.len())];
        let way = self.below(6);
        self.end_job(job, way).await;
    }

    async fn end_job(&self, job: JobId, way: usize) {
        let platform = &self.world.platform;
        if platform.snapshot(job).await.cancel_requested {
            platform.fail(job, "cancelled", "cancelled_by_user").await;
            return;
        }
        match way {
            0 => platform.fail(job, "failed", "attempts_exhausted").await,
            // The hint is lost; the sweep has to find it.
            1 => platform.complete_silently(job).await,
            _ => platform.complete(job).await,
        }
    }

    /// All that runs ends, and then everybody must have been told.
    async fn end(self) -> Result<String, String> {
        checks::settled(&self).await?;
        for job in self.world.platform.open_jobs().await {
            self.end_job(job, 2).await;
        }
        checks::settled(&self).await?;
        let shown = checks::told(&self).await?;
        let requests = self.world.discord.requests();
        // Where an answer was cut off or never came, there is no status.
        let failed = |status: u16| status == 0 || status == 429 || status >= 500;
        let failed = requests.iter().filter(|one| failed(one.status)).count();
        let summary = format!(
            "{} interactions, {} jobs, {shown} shown with pictures, {} messages deleted, {} deaths, {failed} of {} requests failed",
            self.started.len(),
            self.world.platform.jobs().await.len(),
            self.deleted,
            self.deaths,
            requests.len(),
        );
        self.world.close().await;
        Ok(summary)
    }
}
