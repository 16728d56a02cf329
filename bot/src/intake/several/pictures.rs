//! What the jobs of one prompt begin from. Their pictures are taken once, before the jobs are proposed: what was agreed to
//! then needs nobody's server any more.

use easel_domain::prompt::{Prompt, Request};
use easel_domain::spec::{InputPicture, MAX_INPUTS};
use easel_store::proposal::ProposedPicture;
use url::Url;

use super::super::Intake;
use super::super::click::Refusal;
use super::super::imagine::digest;
use super::super::prefer::ReadPrompt;
use crate::arrival::Arrival;
use crate::inputs;

/// Different pictures of one prompt: as many as can be fetched while its author waits.
const MOST: usize = 10;

impl Intake {
    /// The prompt with its author's suffix, and the pictures of all its jobs. Where members' pictures are not taken there are
    /// none, and the messages of the jobs say so.
    pub(super) async fn with_pictures_taken<'t>(
        &self,
        arrival: &Arrival,
        typed: &'t str,
        request: Request,
        beside: &[Url],
    ) -> Result<(ReadPrompt<'t>, Vec<ProposedPicture>), Refusal> {
        let read = self.with_own_suffix(arrival, typed, request).await?;
        let Some(inputs) = self.parts.inputs.as_ref() else {
            return Ok((read, Vec::new()));
        };
        let mut addresses: Vec<Url> = Vec::new();
        for asked in &read.request.jobs {
            if beside.len() + asked.images.len() > MAX_INPUTS {
                let words = arrival.language.too_many_pictures(MAX_INPUTS);
                return Err((words, "too_many_pictures"));
            }
            for address in &asked.images {
                if !addresses.contains(address) {
                    addresses.push(address.clone());
                }
            }
        }
        if beside.len() + addresses.len() > MOST {
            let words = arrival.language.too_many_pictures_in_all(MOST);
            return Err((words, "too_many_pictures"));
        }
        let taken = inputs.take(beside, &addresses).await;
        let taken = taken.map_err(|error| inputs::refusal(arrival.language, &error))?;
        let from = beside.iter().map(|_| None);
        let from = from.chain(addresses.iter().map(|address| Some(address.to_string())));
        let pictures = from
            .zip(taken)
            .map(|(address, picture)| ProposedPicture { address, picture });
        Ok((read, pictures.collect()))
    }
}

/// What one of the jobs begins from: what came beside the prompt, then what it names itself. `None` if that is missing.
pub(super) fn begun_from(
    asked: &Prompt,
    pictures: &[ProposedPicture],
) -> Option<Vec<InputPicture>> {
    if pictures.is_empty() {
        // They were not taken, or there are none.
        return Some(Vec::new());
    }
    let beside = pictures.iter().filter(|one| one.address.is_none());
    let named = asked.images.iter().map(|address| {
        let mut known = pictures.iter();
        known.find(|one| one.address.as_deref() == Some(address.as_str()))
    });
    beside
        .map(Some)
        .chain(named)
        .map(|one| one.map(|one| one.picture.clone()))
        .collect()
}

/// What a job is known again by: not by its words alone where a picture came beside them.
pub(super) fn digest_beside(asked: &Prompt, pictures: &[ProposedPicture]) -> String {
    if pictures.iter().any(|one| one.address.is_none()) {
        String::new()
    } else {
        digest(asked)
    }
}
