//! Images that cannot be read.

use std::fs;

use crate::world::{TRAIN, World};

/// CRC-32 of a PNG chunk (ISO 3309).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(sum & 1)))
    })
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [&kind[..], data].concat();
    [&(data.len() as u32).to_be_bytes()[..], &body, &crc(&body).to_be_bytes()].concat()
}

/// A few bytes that claim to be 60,000 × 60,000 pixels.
fn enormous() -> Vec<u8> {
    let size = 60_000u32.to_be_bytes();
    let header = [&size[..], &size, &[8, 2, 0, 0, 0]].concat();
    let pixels = [0x78, 0x9c, 0x63, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01];
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &header), &chunk(b"IDAT", &pixels), &chunk(b"IEND", &[])].concat()
}

#[test]
fn an_image_that_cannot_be_read_stops_training_and_evaluation() {
    let world = World::trained();
    let train = format!("{TRAIN} --shots all --out new");
    let evaluate = "evaluate --run run --data data/manifest.csv --out new";
    for (split, arguments) in [("train", train.as_str()), ("test", evaluate)] {
        let image = world.images(split, |_| true).remove(3);
        let whole = world.bytes(&image);
        fs::remove_file(world.path(&image)).unwrap();
        world.refuses(2, arguments, &[&image]);
        for (bytes, parts) in [
            (whole[..whole.len() / 2].to_vec(), vec![]),
            (whole[..40].to_vec(), vec![]),
            (Vec::new(), vec![]),
            (b"GIF89a no such thing".to_vec(), vec![]),
            (enormous(), vec!["60000"]),
        ] {
            world.write(&image, bytes);
            world.refuses(2, arguments, &[&[image.as_str()], &parts[..]].concat());
        }
        fs::remove_file(world.path(&image)).unwrap();
        fs::create_dir(world.path(&image)).unwrap();
        world.refuses(2, arguments, &[&image]);
        fs::remove_dir(world.path(&image)).unwrap();
        world.write(&image, whole);
    }
    world.succeeds(&train);
}
