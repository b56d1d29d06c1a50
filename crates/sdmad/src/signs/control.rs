use std::collections::BTreeSet;

use sdmad_base::Stream;

use super::bank::Bank;

/// Everyday words that say nothing about an image of a body.
const WORDS: [&str; 64] = [
    "lantern", "harbour", "violin", "pepper", "railway", "meadow", "copper", "gallery", "marble", "pocket", "thunder",
    "ladder", "button", "orchard", "candle", "penguin", "ticket", "saddle", "velvet", "compass", "hammer", "island",
    "jacket", "kettle", "lemon", "magnet", "napkin", "oyster", "parcel", "quarry", "ribbon", "sailor", "teapot",
    "umbrella", "village", "walnut", "yarn", "zebra", "anchor", "basket", "castle", "drum", "engine", "feather",
    "garden", "helmet", "igloo", "jungle", "keyboard", "library", "mountain", "needle", "opera", "pillow", "quilt",
    "rocket", "sandal", "tunnel", "uniform", "valley", "window", "yellow", "zipper", "acorn",
];

impl Bank {
    /// Control: every category gets the signs and the name of another one, [`NORMAL`](super::NORMAL) too.
    ///
    /// Categories are exchanged by a derangement (no category stays in place), drawn evenly from the stream
    /// `signs/swapped` of `seed`; what was shared stays shared. A sign that a category shares with the one whose signs
    /// it gets is still there.
    pub fn swapped(&self, seed: u64) -> Bank {
        let mut bank = self.clone();
        bank.name = format!("{} (signs swapped between categories, seed {seed})", self.name);
        let order = derangement(self.categories.len(), &mut Stream::new(seed, "signs/swapped"));
        for (from, &to) in order.iter().enumerate() {
            bank.categories[to].name.clone_from(&self.categories[from].name);
        }
        for sign in &mut bank.signs {
            for id in &mut sign.categories {
                if let Some(from) = self.category_index(id) {
                    id.clone_from(&self.categories[order[from]].id);
                }
            }
        }
        bank
    }

    /// Control: every text is four to eight everyday words, no text twice, and every name two, from the stream `signs/random` of `seed`.
    ///
    /// Ids and categories stay, so that only what the words say is lost.
    pub fn with_random_texts(&self, seed: u64) -> Bank {
        let mut bank = self.clone();
        bank.name = format!("{} (random texts, seed {seed})", self.name);
        let mut stream = Stream::new(seed, "signs/random");
        let mut seen = BTreeSet::new();
        for sign in &mut bank.signs {
            // 64 words to the fourth power: a second draw is rare, a third one next to impossible.
            loop {
                let words: Vec<&str> = (0..4 + stream.below(5)).map(|_| WORDS[stream.below(WORDS.len())]).collect();
                let text = words.join(" ");
                if seen.insert(text.clone()) {
                    sign.text = text;
                    break;
                }
            }
            sign.code = None;
        }
        for category in &mut bank.categories {
            category.name = format!("{} {}", WORDS[stream.below(WORDS.len())], WORDS[stream.below(WORDS.len())]);
        }
        bank
    }
}

/// A permutation without a fixed point, all equally likely; for fewer than two items, the only permutation.
fn derangement(n: usize, stream: &mut Stream) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    if n < 2 {
        return order;
    }
    // About one permutation in e is a derangement.
    loop {
        stream.shuffle(&mut order);
        if order.iter().enumerate().all(|(i, &o)| i != o) {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signs::Sign;

    fn bank() -> Bank {
        Bank::shipped("breast-ultrasound").unwrap()
    }

    #[test]
    fn no_category_keeps_its_own_set_of_signs() {
        let bank = bank();
        for seed in 0..20 {
            let swapped = bank.swapped(seed);
            assert_eq!(swapped, bank.swapped(seed));
            let mut sizes = (Vec::new(), Vec::new());
            for category in &bank.categories {
                assert_ne!(bank.signs_of(&category.id), swapped.signs_of(&category.id), "{}", category.id);
                sizes.0.push(bank.signs_of(&category.id).len());
                sizes.1.push(swapped.signs_of(&category.id).len());
            }
            sizes.0.sort_unstable();
            sizes.1.sort_unstable();
            assert_eq!(sizes.0, sizes.1);
            let texts = |b: &Bank| b.signs.iter().map(|s| s.text.clone()).collect::<Vec<_>>();
            assert_eq!(texts(&bank), texts(&swapped));
        }
    }

    #[test]
    fn random_texts_keep_everything_else() {
        let bank = bank();
        let random = bank.with_random_texts(1);
        assert_eq!(random, bank.with_random_texts(1));
        assert_ne!(random.sha256(), bank.with_random_texts(2).sha256());
        let texts: BTreeSet<&str> = random.signs.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(texts.len(), bank.signs.len());
        let frame = |s: &Sign| (s.id.clone(), s.categories.clone());
        assert!(bank.signs.iter().zip(&random.signs).all(|(a, b)| frame(a) == frame(b) && a.text != b.text));
    }
}
