//! Pictures made from an integer formula, the same as in scripts/reference/pictures.py.

/// `[height, width, channels]`; kinds: noise, ramp, blocks, waves.
pub(crate) fn picture(kind: &str, seed: u32, channels: u32, width: u32, height: u32) -> Vec<u8> {
    let value = |x: u32, y: u32, c: u32| match kind {
        "noise" => {
            let hash = x.wrapping_mul(73_856_093)
                ^ y.wrapping_mul(19_349_663)
                ^ c.wrapping_mul(83_492_791)
                ^ seed.wrapping_mul(2_654_435_761);
            (hash ^ (hash >> 13)).wrapping_mul(0x5bd1_e995) >> 24
        }
        "ramp" => (5 * x + 3 * y + 40 * c + seed) % 256,
        "blocks" => 255 * u32::from((x / 3 + y / 5 + c + seed).is_multiple_of(2)),
        "waves" => (x * x + y * y + 17 * x * y + 29 * c + seed) / 64 % 256,
        other => panic!("no picture is called {other}"),
    };
    let columns = move |y| (0..width).flat_map(move |x| (0..channels).map(move |c| (x, y, c)));
    (0..height).flat_map(columns).map(|(x, y, c)| value(x, y, c) as u8).collect()
}
