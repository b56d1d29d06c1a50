//! Attention, forward and backward, at each precision. `cargo bench -p sdmad-engine --bench attention`.

mod support;

use sdmad_engine::{Mask, Sequences, attention, attention_backward};
use support::{PRECISIONS, TOWERS, bench, random, run};

fn main() {
    run(|criterion| {
        for tower in TOWERS {
            let mut group = criterion.benchmark_group(tower.name);
            let (tokens, width, heads) = (tower.tokens, tower.width, tower.heads);
            let (qkv, dy) = (random(tokens, 3 * width, 1.0), random(tokens, width, 1.0));
            let sequences = Sequences::single(tokens);
            for precision in PRECISIONS {
                bench(&mut group, "attention/forward", 4 * tokens * tokens * width, precision, || {
                    attention(&qkv, heads, Mask::None, &sequences, precision)
                });
                bench(&mut group, "attention/backward", 10 * tokens * tokens * width, precision, || {
                    attention_backward(&qkv, heads, Mask::None, &sequences, precision, &dy)
                });
            }
            group.finish();
        }
    });
}
