//! `dead-letters`: messages that nothing could read, seen, sent again or dropped (Q9).

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use easel_broker::{Broker, Topology};
use easel_service::config::{ConfigArgs, Sources};
use easel_service::{BadInput, SystemEntropy};
use easel_store::dead::DeadLetter;
use easel_store::{Store, StoreConfig};
use serde::Serialize;

use crate::config::DispatcherConfig;

/// Letters that are listed at most.
const LISTED: u32 = 1_000;
/// Letters that are taken from the broker at most before anything is shown.
const TAKEN: usize = 10_000;

/// Options of `dead-letters`.
#[derive(Debug, clap::Args)]
pub(crate) struct DeadLettersArgs {
    #[command(subcommand)]
    what: What,
    /// Print JSON and nothing else
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// One line for each
    List,
    /// All of one
    Show {
        /// Its number
        id: i64,
    },
    /// Send one to its queue again, and forget it here
    Replay {
        /// Its number
        id: i64,
    },
    /// Forget one
    Drop {
        /// Its number
        id: i64,
    },
}

#[derive(Debug, Serialize)]
struct Shown {
    id: i64,
    queue: String,
    reason: String,
    at: String,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

impl Shown {
    fn new(letter: &DeadLetter, with_body: bool) -> Self {
        Self {
            id: letter.id,
            queue: letter.queue.clone(),
            reason: letter.reason.clone(),
            at: letter
                .at
                .format(&time::format_description::well_known::Rfc3339)
                .unwrap_or_default(),
            bytes: letter.body.len(),
            body: with_body.then(|| String::from_utf8_lossy(&letter.body).into_owned()),
        }
    }
}

/// Does what the command line says.
pub(crate) fn run(args: DeadLettersArgs, config: &ConfigArgs) -> ExitCode {
    let config = Sources::from_args(config)
        .map_err(anyhow::Error::from)
        .and_then(|sources| {
            Ok(easel_service::config::load::<DispatcherConfig>("dispatcher", &sources)?.config)
        });
    easel_service::once("dispatcher", move || async move {
        let config = config?;
        let store = Store::new(&StoreConfig::new(config.database.url.clone()))
            .map_err(|error| BadInput(error.to_string()))?;
        let names = easel_broker::Names::new(&config.broker.prefix)?;
        let topology = Topology::default().lane(&names, &config.dispatcher.lane());
        let broker = Broker::connect(
            &config.broker,
            "easel-dead-letters",
            topology,
            Arc::new(SystemEntropy),
        )
        .await
        .context("reach the broker (section `broker`)")?;
        let outcome = act(&args, &store, &broker).await;
        broker.close().await;
        store.close();
        outcome
    })
}

async fn act(args: &DeadLettersArgs, store: &Store, broker: &Broker) -> anyhow::Result<()> {
    gather(store, broker).await?;
    match args.what {
        What::List => {
            let letters = store.dead_letters(0, LISTED).await?;
            let shown: Vec<Shown> = letters.iter().map(|l| Shown::new(l, false)).collect();
            print(args.json, &shown);
        }
        What::Show { id } => {
            let letter = find(store, id).await?;
            print(args.json, &[Shown::new(&letter, true)]);
        }
        What::Replay { id } => {
            let letter = find(store, id).await?;
            if letter.queue.is_empty() {
                bail!("nobody knows which queue letter {id} was for: drop it");
            }
            broker
                .replay(&letter.queue, letter.body.clone())
                .await
                .with_context(|| format!("send letter {id} to {}", letter.queue))?;
            store.drop_dead_letter(id).await?;
            print(args.json, &[Shown::new(&letter, false)]);
        }
        What::Drop { id } => {
            let letter = find(store, id).await?;
            store.drop_dead_letter(id).await?;
            print(args.json, &[Shown::new(&letter, false)]);
        }
    }
    Ok(())
}

/// Takes over what lies in the broker's queue: there a letter cannot be looked at without counting as delivered, and
/// brokers drop what was delivered too often.
async fn gather(store: &Store, broker: &Broker) -> anyhow::Result<()> {
    for _ in 0..TAKEN {
        let Some(message) = broker.next_dead().await? else {
            return Ok(());
        };
        store
            .keep_dead_letter(&message.queue, &message.reason, &message.body)
            .await?;
        message.taken().await?;
    }
    Ok(())
}

async fn find(store: &Store, id: i64) -> anyhow::Result<DeadLetter> {
    let letter = store.dead_letter(id).await?;
    letter.ok_or_else(|| {
        BadInput(format!(
            "there is no dead letter {id}: `dead-letters list` shows them"
        ))
        .into()
    })
}

#[expect(clippy::print_stdout, reason = "the letters are this command's result")]
fn print(json: bool, letters: &[Shown]) {
    if json {
        println!("{}", serde_json::json!({ "letters": letters }));
        return;
    }
    for letter in letters {
        println!(
            "{:>6}  {}  {}  {} ({} bytes)",
            letter.id, letter.at, letter.queue, letter.reason, letter.bytes
        );
        if let Some(body) = &letter.body {
            println!("{body}");
        }
    }
}
