//! Previews of pictures that nobody has checked yet.

use super::hash::RgbPicture;

/// The most cells along the longer side: composition and colours show, faces and bodies do not.
pub const CELLS: usize = 12;

/// The picture reduced to at most [`CELLS`] cells along its longer side and smoothly enlarged again to its own size, as
/// `width` × `height` × 3 bytes. What is lost is lost: no sharpening brings it back.
pub fn obscured(picture: RgbPicture<'_>) -> Vec<u8> {
    let (width, height) = (picture.width(), picture.height());
    let longer = width.max(height);
    let cells_along = |side: usize| (side * CELLS / longer).clamp(1, side);
    let (columns, rows) = (cells_along(width), cells_along(height));
    let cells = picture.cells(columns, rows);
    let across: Vec<_> = (0..width).map(|x| neighbours(x, width, columns)).collect();
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        let (top, bottom, down) = neighbours(y, height, rows);
        for &(left, right, along) in &across {
            let cell = |row: usize, column: usize| cells[row * columns + column];
            let upper = mixed(cell(top, left), cell(top, right), along);
            let lower = mixed(cell(bottom, left), cell(bottom, right), along);
            pixels.extend(mixed(upper, lower, down).map(|value| value.round() as u8));
        }
    }
    pixels
}

/// The two cells whose centres a pixel lies between, and how far it is on the way to the second, 0 to 1.
fn neighbours(pixel: usize, pixels: usize, cells: usize) -> (usize, usize, f32) {
    let place =
        ((pixel as f32 + 0.5) * cells as f32 / pixels as f32 - 0.5).clamp(0.0, (cells - 1) as f32);
    let first = place as usize;
    (first, (first + 1).min(cells - 1), place - first as f32)
}

fn mixed(a: [f32; 3], b: [f32; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|channel| a[channel] + (b[channel] - a[channel]) * share)
}

#[cfg(test)]
mod tests {
    use super::super::hash::tests::waves;
    use super::*;

    fn blurred(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
        obscured(RgbPicture::new(width, height, pixels).unwrap())
    }

    #[test]
    fn fine_detail_is_gone_and_colour_stays() {
        // A checkerboard of single pixels, red on the left and blue on the right.
        let mut pixels = Vec::new();
        for y in 0..64 {
            for x in 0..64 {
                let on = if (x + y) % 2 == 0 { 200 } else { 0 };
                pixels.extend(if x < 32 { [on, 0, 0] } else { [0, 0, on] });
            }
        }
        let result = blurred(64, 64, &pixels);
        assert_eq!(result.len(), pixels.len());
        let steepest = result
            .chunks_exact(64 * 3)
            .flat_map(|row| row.windows(4))
            .map(|pair| pair[0].abs_diff(pair[3]));
        assert!(steepest.max().unwrap() <= 25);
        assert!(result[0] > 80 && result[2] == 0);
        assert!(result[63 * 3] == 0 && result[63 * 3 + 2] > 80);
    }

    #[test]
    fn a_small_preview_holds_no_more_than_its_cells() {
        let small = blurred(64, 32, &waves(64, 32, 3.0));
        // Reducing it again changes nothing that could be seen: there is nothing between the cells.
        let again = blurred(64, 32, &small);
        let largest = small
            .iter()
            .zip(&again)
            .map(|(a, b)| a.abs_diff(*b))
            .max()
            .unwrap();
        assert!(largest < 60, "{largest}");
    }

    #[test]
    fn every_shape_keeps_its_size() {
        for (width, height) in [(1, 1), (1, 50), (50, 1), (3, 2), (12, 12), (64, 36)] {
            assert_eq!(
                blurred(width, height, &waves(width, height, 1.0)).len(),
                (width * height * 3) as usize
            );
        }
    }
}
