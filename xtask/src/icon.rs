//! `cargo xtask icon`: draws the program's icon, a pool with a level that rises, in the sizes that Windows asks for.

use std::fs;

use crate::root;

const SIZES: [u8; 4] = [16, 24, 32, 48];

/// Blue, green and red of one point.
type Colour = [u8; 3];

const WATER: Colour = [0xd0, 0x88, 0x2e];
const RISE: Colour = [0x3c, 0x4c, 0xe0];
const WALL: Colour = [0x4a, 0x3a, 0x2c];

/// Writes `crates/poolmon/windows/poolmon.ico`.
pub fn run() -> crate::Done {
    let path = root().join("crates/poolmon/windows/poolmon.ico");
    fs::write(&path, icon()).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

/// An ICO file: a directory, then a bitmap for each size.
fn icon() -> Vec<u8> {
    let images = SIZES.map(image);
    let mut out = [0_u16, 1, 4].map(u16::to_le_bytes).concat();
    let mut at = 6 + 16 * 4;
    for (size, image) in SIZES.iter().zip(&images) {
        out.extend([*size, *size, 0, 0, 1, 0, 32, 0]);
        let length = u32::try_from(image.len()).unwrap_or(u32::MAX);
        out.extend([length, at].map(u32::to_le_bytes).concat());
        at += length;
    }
    out.extend(images.concat());
    out
}

/// A `BITMAPINFOHEADER`, rows of BGRA from the bottom, and an empty mask.
fn image(size: u8) -> Vec<u8> {
    let n = u32::from(size);
    let mut out = [40, n, 2 * n].map(u32::to_le_bytes).concat();
    out.extend([1_u16, 32].map(u16::to_le_bytes).concat());
    out.extend([0; 24]);
    for y in 0..n {
        for x in 0..n {
            out.extend(point(x, y, n).map_or([0; 4], |[blue, green, red]| [blue, green, red, 0xff]));
        }
    }
    // One bit a point, rows padded to 32 bits.
    out.resize(out.len() + (n.div_ceil(32) * 4 * n) as usize, 0);
    out
}

/// The colour at a point, `y` counted from the bottom: walls, four bars of water, the last one red and highest.
fn point(x: u32, y: u32, n: u32) -> Option<Colour> {
    let wall = (n / 12).max(1);
    if y < wall || x < wall || x >= n - wall {
        return (y < n - wall).then_some(WALL);
    }
    let inside = n - 2 * wall;
    let bar = (x - wall) * 4 / inside;
    let heights = [4, 5, 7, 10];
    let top = wall + inside * heights[bar as usize] / 11;
    (y < top).then_some(if bar == 3 { RISE } else { WATER })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_icon_is_what_the_code_draws() {
        let committed = include_bytes!("../../crates/poolmon/windows/poolmon.ico");
        assert!(super::icon() == committed, "run cargo xtask icon");
    }
}
