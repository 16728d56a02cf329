//! Putting old pictures on a new canvas before the engine starts from it, and keeping what was not to be painted anew.

use easel_domain::spec::{Place, RepaintSpec, Repainted};

use crate::engine::{Mask, Picture};
use crate::resize;

/// How far into what is kept the old and the new are blended, in canvas pixels.
const SEAM: usize = 4;

/// A canvas that the engine starts from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Canvas {
    /// The old pictures in their place, continued by their edges.
    pub(super) start: Picture,
    /// One byte for each pixel, rows from the top: 255 is painted anew, 0 is kept. Nothing where all is painted anew.
    mask: Option<Vec<u8>>,
    /// The old picture in full, for what is kept.
    old: Picture,
    place: Place,
}

impl Canvas {
    /// Puts the pictures of a job, the mask last where it has one, on its canvas.
    pub(super) fn new(spec: &RepaintSpec, mut pictures: Vec<Picture>) -> Result<Self, String> {
        let (width, height) = (spec.generate.width, spec.generate.height);
        let wanted = spec.inputs().len();
        if pictures.len() != wanted {
            return Err(format!(
                "{} of {wanted} pictures were granted",
                pictures.len()
            ));
        }
        let given = match &spec.repainted {
            Repainted::Masked { .. } => pictures.pop(),
            Repainted::Everything | Repainted::Around | Repainted::Cells { .. } => None,
        };
        let place = spec.place;
        let fits = place.width > 0
            && place.height > 0
            && place.left.saturating_add(place.width) <= width
            && place.top.saturating_add(place.height) <= height;
        if !fits {
            return Err("the place of the picture is not on the canvas".to_owned());
        }
        let scale = spec.generate.finish_scale.max(1);
        let old = mixed(&pictures, place.width * scale, place.height * scale)?;
        let small = resize::lanczos(&old, place.width, place.height)?;
        let start = on_canvas(&small, place, width, height);
        let mask = match (&spec.repainted, given) {
            (Repainted::Everything, _) => None,
            (Repainted::Around, _) => Some(around(place, width, height)),
            (
                Repainted::Cells {
                    columns,
                    rows,
                    chosen,
                },
                _,
            ) => Some(cells(*columns, *rows, chosen, width, height)),
            (Repainted::Masked { .. }, Some(picture)) => {
                let picture = resize::lanczos(&picture, width, height)?;
                let bright = |pixel: &[u8]| if luma(pixel) >= 128 { 255 } else { 0 };
                Some(picture.rgb.chunks_exact(3).map(bright).collect())
            }
            (Repainted::Masked { .. }, None) => return Err("the mask is missing".to_owned()),
        };
        Ok(Self {
            start,
            mask,
            old,
            place,
        })
    }

    /// What the engine is to replace; nothing for all of it.
    pub(super) fn mask(&self) -> Option<Mask> {
        let grey = self.mask.clone()?;
        Some(Mask {
            width: self.start.width,
            height: self.start.height,
            grey,
        })
    }

    /// Gives a finished picture back what was to be kept, in the old picture's own detail.
    pub(super) fn keep(&self, mut finished: Picture) -> Picture {
        let Some(mask) = &self.mask else {
            return finished;
        };
        let (width, height) = (self.start.width as usize, self.start.height as usize);
        let (full_width, full_height) = (finished.width as usize, finished.height as usize);
        if full_width == 0 || full_height == 0 || full_width % width != 0 {
            return finished;
        }
        let scale = full_width / width;
        if full_height != height * scale
            || self.old.width as usize != self.place.width as usize * scale
        {
            return finished;
        }
        let soft = softened(mask, width, height);
        let (left, top) = (
            self.place.left as usize * scale,
            self.place.top as usize * scale,
        );
        let old_width = self.old.width as usize;
        for (at, old) in self.old.rgb.chunks_exact(3).enumerate() {
            let (x, y) = (left + at % old_width, top + at / old_width);
            let anew = u32::from(soft[y / scale * width + x / scale]);
            let start = 3 * (y * full_width + x);
            for (new, old) in finished.rgb[start..start + 3].iter_mut().zip(old) {
                let blended = u32::from(*new) * anew + u32::from(*old) * (255 - anew);
                *new = u8::try_from(blended / 255).unwrap_or(u8::MAX);
            }
        }
        finished
    }
}

fn luma(pixel: &[u8]) -> u32 {
    let sum: u32 = pixel.iter().map(|channel| u32::from(*channel)).sum();
    sum / 3
}

/// The mean of all pictures, each cut to the shape of the target and scaled to it.
fn mixed(pictures: &[Picture], width: u32, height: u32) -> Result<Picture, String> {
    let fitted = pictures
        .iter()
        .map(|picture| resize::lanczos(&cut(picture, width, height), width, height))
        .collect::<Result<Vec<_>, _>>()?;
    let count = u32::try_from(fitted.len()).unwrap_or(u32::MAX);
    if count == 0 {
        return Err("there is no picture to start from".to_owned());
    }
    let mut sums = vec![0_u32; 3 * width as usize * height as usize];
    for picture in &fitted {
        for (sum, channel) in sums.iter_mut().zip(&picture.rgb) {
            *sum += u32::from(*channel);
        }
    }
    let mean = |sum: u32| u8::try_from((sum + count / 2) / count).unwrap_or(u8::MAX);
    Ok(Picture {
        width,
        height,
        rgb: sums.into_iter().map(mean).collect(),
    })
}

/// The largest middle part that has the shape `width : height`.
fn cut(picture: &Picture, width: u32, height: u32) -> Picture {
    let (from_width, from_height) = (u64::from(picture.width), u64::from(picture.height));
    let (width, height) = (u64::from(width), u64::from(height));
    let cut_width = from_width.min((from_height * width / height).max(1)) as usize;
    let cut_height = from_height.min((from_width * height / width).max(1)) as usize;
    let (row, left) = (
        picture.width as usize,
        (picture.width as usize - cut_width) / 2,
    );
    let top = (picture.height as usize - cut_height) / 2;
    let rgb = (top..top + cut_height)
        .flat_map(|y| {
            let start = 3 * (y * row + left);
            picture.rgb[start..start + 3 * cut_width].iter().copied()
        })
        .collect();
    Picture {
        width: cut_width as u32,
        height: cut_height as u32,
        rgb,
    }
}

/// The picture in its place; around it its nearest edge goes on.
fn on_canvas(picture: &Picture, place: Place, width: u32, height: u32) -> Picture {
    let nearest = |at: u32, start: u32, length: u32| at.clamp(start, start + length - 1) - start;
    let mut rgb = Vec::with_capacity(3 * width as usize * height as usize);
    for y in 0..height {
        let from_y = nearest(y, place.top, place.height);
        for x in 0..width {
            let from_x = nearest(x, place.left, place.width);
            let start = 3 * (from_y as usize * picture.width as usize + from_x as usize);
            rgb.extend_from_slice(&picture.rgb[start..start + 3]);
        }
    }
    Picture { width, height, rgb }
}

fn around(place: Place, width: u32, height: u32) -> Vec<u8> {
    let inside = |at: u32, start: u32, length: u32| (start..start + length).contains(&at);
    (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .map(|(x, y)| {
            let kept = inside(x, place.left, place.width) && inside(y, place.top, place.height);
            if kept { 0 } else { 255 }
        })
        .collect()
}

fn cells(columns: u32, rows: u32, chosen: &[u32], width: u32, height: u32) -> Vec<u8> {
    let (columns, rows) = (columns.max(1), rows.max(1));
    (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .map(|(x, y)| {
            let cell = y * rows / height * columns + x * columns / width;
            if chosen.contains(&cell) { 255 } else { 0 }
        })
        .collect()
}

/// The mask with a ramp into what is kept: what is painted anew stays wholly new.
fn softened(mask: &[u8], width: usize, height: usize) -> Vec<u8> {
    let rows = blurred(mask, width, height, 1, width);
    let both = blurred(&rows, height, width, width, 1);
    let doubled = |value: &u8| value.saturating_mul(2);
    both.iter()
        .map(doubled)
        .zip(mask)
        .map(|(soft, hard)| soft.max(*hard))
        .collect()
}

/// A box blur along lines of `length` pixels that are `step` apart; `lines` of them, `line_step` apart.
fn blurred(values: &[u8], length: usize, lines: usize, step: usize, line_step: usize) -> Vec<u8> {
    let mut out = vec![0; values.len()];
    for line in 0..lines {
        let at = |n: usize| line * line_step + n * step;
        for n in 0..length {
            let (first, last) = (n.saturating_sub(SEAM), (n + SEAM).min(length - 1));
            let sum: u32 = (first..=last).map(|n| u32::from(values[at(n)])).sum();
            let count = u32::try_from(last - first + 1).unwrap_or(1);
            out[at(n)] = u8::try_from(sum / count).unwrap_or(u8::MAX);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use easel_domain::model::ModelRef;
    use easel_domain::spec::{GenerateSpec, InputPicture, NoisePlan, Sampler};

    fn flat(width: u32, height: u32, shade: u8) -> Picture {
        Picture {
            width,
            height,
            rgb: vec![shade; (3 * width * height) as usize],
        }
    }

    fn input() -> InputPicture {
        InputPicture {
            key: "k".into(),
            sha256: "s".into(),
            width: 64,
            height: 64,
        }
    }

    fn spec(place: Place, repainted: Repainted) -> RepaintSpec {
        RepaintSpec {
            generate: GenerateSpec {
                model: ModelRef {
                    id: "m".into(),
                    hash: "h".into(),
                },
                width: 64,
                height: 64,
                steps: 4,
                guidance: 1.0,
                sampler: Sampler::Default,
                pictures: vec![NoisePlan::from_seed(1)],
                finish_scale: 2,
                stop: 100,
                seamless: false,
            },
            inputs: vec![input()],
            place,
            strength: 1.0,
            repainted,
        }
    }

    fn shade(picture: &Picture, x: u32, y: u32) -> u8 {
        picture.rgb[(3 * (y * picture.width + x)) as usize]
    }

    #[test]
    fn a_zoomed_picture_keeps_its_middle_and_is_new_around_it() {
        let place = Place {
            left: 16,
            top: 16,
            width: 32,
            height: 32,
        };
        let canvas =
            Canvas::new(&spec(place, Repainted::Around), vec![flat(128, 128, 200)]).unwrap();
        assert_eq!(canvas.start, flat(64, 64, 200), "the edges go on");
        let mask = canvas.mask.clone().unwrap();
        assert_eq!((mask[0], mask[32 * 64 + 32]), (255, 0));
        let kept = canvas.keep(flat(128, 128, 10));
        assert_eq!((shade(&kept, 0, 0), shade(&kept, 64, 64)), (10, 200));
        let seam = shade(&kept, 36, 64);
        assert!(seam > 10 && seam < 200, "the seam is soft: {seam}");
    }

    #[test]
    fn only_the_chosen_cells_change() {
        let repainted = Repainted::Cells {
            columns: 2,
            rows: 2,
            chosen: vec![3],
        };
        let canvas = Canvas::new(
            &spec(Place::whole(64, 64), repainted),
            vec![flat(128, 128, 200)],
        )
        .unwrap();
        let kept = canvas.keep(flat(128, 128, 10));
        assert_eq!((shade(&kept, 10, 10), shade(&kept, 120, 120)), (200, 10));
    }

    #[test]
    fn a_mask_is_stretched_over_the_canvas() {
        let mask = Repainted::Masked { mask: input() };
        let mut half = flat(2, 1, 0);
        half.rgb[3..].fill(255);
        let given = vec![flat(128, 128, 200), half];
        let canvas = Canvas::new(&spec(Place::whole(64, 64), mask.clone()), given).unwrap();
        let found = canvas.mask.unwrap();
        assert_eq!((found[0], found[63]), (0, 255));
        let missing = Canvas::new(&spec(Place::whole(64, 64), mask), vec![flat(8, 8, 0)]);
        assert!(missing.unwrap_err().contains("1 of 2"));
    }

    #[test]
    fn several_pictures_are_mixed_whatever_their_shapes() {
        let mut spec = spec(Place::whole(64, 64), Repainted::Everything);
        spec.inputs = vec![input(), input()];
        let canvas = Canvas::new(&spec, vec![flat(50, 20, 100), flat(20, 70, 200)]).unwrap();
        assert_eq!(canvas.start, flat(64, 64, 150));
        assert_eq!(canvas.keep(flat(128, 128, 1)), flat(128, 128, 1));
    }

    #[test]
    fn a_place_outside_the_canvas_is_refused() {
        let place = Place {
            left: 40,
            top: 0,
            width: 32,
            height: 32,
        };
        assert!(Canvas::new(&spec(place, Repainted::Around), vec![flat(8, 8, 0)]).is_err());
    }
}
