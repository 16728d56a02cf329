//! Specs that start from a finished picture. Pure: the seeds are passed in.

use easel_domain::model::ModelProfile;
use easel_domain::picture::FileRole;
use easel_domain::spec::{
    Canvas, GenerateSpec, InputPicture, NoisePlan, Place, RenderSpec, RepaintSpec, Repainted,
};
use easel_store::show::JobSnapshot;

use super::{GRID, NewestModel, input, on_model, usable};

/// How much of a creative upscale is drawn anew: its details, not its shapes.
const DETAILS: f32 = 0.35;
/// What lies in a part that is painted anew shows through a little.
const INSIDE: f32 = 0.95;

/// A finished picture to go on from.
pub struct Source {
    input: InputPicture,
    /// What drew it, as the newest model would.
    generate: GenerateSpec,
}

impl Source {
    /// The picture at `index` of a finished job, where `drawn` is the spec that drew it.
    pub fn new(
        job: &JobSnapshot,
        index: u32,
        drawn: &GenerateSpec,
        model: &NewestModel,
    ) -> Option<Self> {
        let shown = usable(job, index);
        let file = job.file(FileRole::Full, index).filter(|_| shown)?;
        Some(Self {
            input: input(file),
            generate: on_model(drawn, model),
        })
    }

    /// Whether it goes on at its opposite edge: there is nothing around it.
    pub fn is_seamless(&self) -> bool {
        self.generate.seamless
    }

    /// Width and height in pixels at which it is drawn.
    pub fn size(&self) -> (u32, u32) {
        (self.generate.width, self.generate.height)
    }

    fn spec(
        &self,
        canvas: Canvas,
        pictures: Vec<NoisePlan>,
        strength: f32,
        repainted: Repainted,
    ) -> RenderSpec {
        RenderSpec::Repaint(RepaintSpec {
            generate: GenerateSpec {
                width: canvas.width,
                height: canvas.height,
                pictures,
                ..self.generate.clone()
            },
            inputs: vec![self.input.clone()],
            place: canvas.place,
            strength,
            repainted,
        })
    }

    fn whole(&self) -> Canvas {
        let (width, height) = self.size();
        Canvas {
            width,
            height,
            place: Place::whole(width, height),
        }
    }
}

/// Four pictures that take the words as freely as those of the source did.
fn grid(source: &Source, seed: u32) -> Vec<NoisePlan> {
    let chaos = source
        .generate
        .pictures
        .first()
        .map_or(0, |plan| plan.chaos);
    (0..GRID)
        .map(|n| NoisePlan {
            chaos,
            ..NoisePlan::from_seed(seed.wrapping_add(n))
        })
        .collect()
}

/// The picture on a larger canvas, with four proposals for what lies around it.
pub fn around(source: &Source, canvas: Canvas, seed: u32) -> RenderSpec {
    source.spec(canvas, grid(source, seed), 1.0, Repainted::Around)
}

/// The same with what other words say.
pub fn around_by(source: &Source, canvas: Canvas, words: GenerateSpec) -> RenderSpec {
    RenderSpec::Repaint(RepaintSpec {
        generate: GenerateSpec {
            width: canvas.width,
            height: canvas.height,
            ..words
        },
        inputs: vec![source.input.clone()],
        place: canvas.place,
        strength: 1.0,
        repainted: Repainted::Around,
    })
}

/// Four proposals for a part of the picture.
pub fn inside(source: &Source, part: Repainted, seed: u32) -> RenderSpec {
    source.spec(source.whole(), grid(source, seed), INSIDE, part)
}

/// The picture as large as the model draws, at most twice, with its details drawn anew, to their end.
pub fn larger(mut source: Source, profile: &ModelProfile, seed: u32) -> RenderSpec {
    let (width, height) = source.size();
    let multiple = profile.multiple.max(1);
    let longest = width.max(height).max(1);
    let factor = (f64::from(profile.max_side) / f64::from(longest)).clamp(1.0, 2.0);
    let grown = |side: u32| ((f64::from(side) * factor) as u32 / multiple).max(1) * multiple;
    let (width, height) = (grown(width), grown(height));
    let canvas = Canvas {
        width,
        height,
        place: Place::whole(width, height),
    };
    let one = vec![NoisePlan::from_seed(seed)];
    source.generate.stop = 100;
    source.spec(canvas, one, DETAILS, Repainted::Everything)
}
