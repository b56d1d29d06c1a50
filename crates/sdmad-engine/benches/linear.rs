//! Linear layers, forward and backward, at each precision. `cargo bench -p sdmad-engine --bench linear`.

mod support;

use support::{PRECISIONS, TOWERS, bench, layer, random, run};

fn main() {
    run(|criterion| {
        for tower in TOWERS {
            let mut group = criterion.benchmark_group(tower.name);
            let (tokens, width) = (tower.tokens, tower.width);
            for (name, output, input) in [("expand", 4 * width, width), ("contract", width, 4 * width)] {
                let (x, dy) = (random(tokens, input, 1.0), random(tokens, output, 1.0));
                for precision in PRECISIONS {
                    let linear = layer(output, input, precision);
                    let operations = 2 * tokens * output * input;
                    bench(&mut group, &format!("{name}/forward"), operations, precision, || linear.forward(&x));
                    bench(&mut group, &format!("{name}/backward"), operations, precision, || linear.backward(&dy));
                }
            }
            group.finish();
        }
        // Eight images at once.
        let mut group = criterion.benchmark_group("4616x1024x4096");
        let x = random(4616, 1024, 1.0);
        for precision in PRECISIONS {
            let linear = layer(4096, 1024, precision);
            bench(&mut group, "forward", 2 * 4616 * 1024 * 4096, precision, || linear.forward(&x));
        }
        group.finish();
    });
}
