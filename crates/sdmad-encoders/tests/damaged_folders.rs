//! Model folders that must be refused, with a message that names file, tensor and expectation.

mod common;

use std::fs;
use std::path::Path;

use common::{copied, write_encoder_file};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use sdmad_base::Kind;
use sdmad_encoders::Encoder;

type Tensors = Vec<(String, Vec<usize>, Vec<u8>)>;

/// Writes a weights file of f32 again, after a change.
fn rewrite(path: &Path, change: impl FnOnce(&mut Tensors)) {
    let bytes = fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Tensors =
        file.iter().map(|(name, t)| (name.to_string(), t.shape().to_vec(), t.data().to_vec())).collect();
    change(&mut tensors);
    let views = tensors
        .iter()
        .map(|(name, shape, data)| (name.clone(), TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
    serialize_to_file(views, None, path).unwrap();
}

/// Writes a text file again, with one piece replaced.
fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} is not in {}", path.display());
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// The folder is refused, and the message has all these parts.
fn refused(folder: &Path, parts: &[&str]) {
    let error = Encoder::open(folder).err().expect("the folder was taken");
    assert_eq!(error.kind(), Kind::BadInput, "{error:?}");
    for part in parts {
        assert!(error.to_string().contains(part), "`{part}` is not in: {error}");
    }
}

#[test]
fn tensors_missing_left_over_misshapen_or_not_finite() {
    let name = "vision_model.encoder.layers.1.mlp.fc1.weight";
    let damage = |change: &dyn Fn(&mut Tensors), parts: &[&str]| {
        let folder = copied("hugging-face-clip");
        rewrite(&folder.path().join("model.safetensors"), |tensors| change(tensors));
        refused(folder.path(), parts);
    };
    let position = |tensors: &Tensors| tensors.iter().position(|(other, ..)| other == name).unwrap();
    damage(&|tensors| drop(tensors.remove(position(tensors))), &["lacks", name, "[64, 32]", "model.safetensors"]);
    damage(
        &|tensors| tensors.push(("text_model.extra".into(), vec![1], vec![0; 4])),
        &["`text_model.extra`", "text tower"],
    );
    damage(
        &|tensors| tensors.push(("vision_model.extra".into(), vec![1], vec![0; 4])),
        &["`vision_model.extra`", "image tower"],
    );
    // A renamed tensor: both sides are named.
    damage(
        &|tensors| {
            let index = position(tensors);
            tensors[index].0 = "vision_model.encoder.layers.1.mlp.fc1.kernel".into();
        },
        &["lacks", name, "`vision_model.encoder.layers.1.mlp.fc1.kernel`"],
    );
    damage(
        &|tensors| {
            let index = position(tensors);
            tensors[index].1 = vec![32, 64];
        },
        &[name, "[32, 64]", "[64, 32]"],
    );
    damage(
        &|tensors| {
            let index = position(tensors);
            tensors[index].2[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        },
        &[name, "NaN", "number 0 of 2048"],
    );
    // What old files carry and nobody needs.
    let folder = copied("hugging-face-clip");
    rewrite(&folder.path().join("model.safetensors"), |tensors| {
        tensors.push(("text_model.embeddings.position_ids".into(), vec![1], vec![0; 4]));
    });
    Encoder::open(folder.path()).unwrap();
}

#[test]
fn hashes_and_sizes_of_our_own_folder() {
    let folder = copied("dinov2-minilm");
    write_encoder_file(folder.path(), |file| file.image.weights.sha256 = "0".repeat(64));
    refused(folder.path(), &["image.safetensors", "SHA-256", &"0".repeat(64)]);
    write_encoder_file(folder.path(), |file| file.text.tokenizer.sha256 = "0".repeat(64));
    refused(folder.path(), &["tokenizer.json", "SHA-256"]);
    write_encoder_file(folder.path(), |file| file.image.architecture.layers = 4);
    refused(folder.path(), &["lacks", "encoder.layer.3.", "image.safetensors"]);
    write_encoder_file(folder.path(), |file| file.image.architecture.layers = 2);
    refused(folder.path(), &["18 tensors", "encoder.layer.2."]);
    write_encoder_file(folder.path(), |file| file.image.architecture.heads = 5);
    refused(folder.path(), &["width 32", "5 heads"]);
    write_encoder_file(folder.path(), |file| file.image.architecture.patch_size = 0);
    refused(folder.path(), &["patch-size 0"]);
    write_encoder_file(folder.path(), |file| file.image.preprocess.size = 28);
    refused(folder.path(), &["28 pixels", "24"]);
    write_encoder_file(folder.path(), |file| file.image.preprocess.std[1] = 0.0);
    refused(folder.path(), &["standard deviation"]);
    write_encoder_file(folder.path(), |file| file.text.architecture.vocabulary = 18);
    refused(folder.path(), &["19 token ids", "18"]);
    write_encoder_file(folder.path(), |_| {});
    Encoder::open(folder.path()).unwrap();
    fs::write(folder.path().join("text.safetensors"), b"not a model").unwrap();
    refused(folder.path(), &["text.safetensors"]);
    fs::remove_file(folder.path().join("text.safetensors")).unwrap();
    refused(folder.path(), &["text.safetensors"]);
}

#[test]
fn configurations_of_what_cannot_be_read() {
    let cases: [(&str, &str, &str, &str, &[&str]); 12] = [
        ("hugging-face-clip", "config.json", "\"clip\"", "\"siglip\"", &["`siglip`", "`clip`"]),
        ("hugging-face-clip", "config.json", "\"quick_gelu\"", "\"gelu_new\"", &["hidden_act", "gelu_new"]),
        ("hugging-face-clip", "config.json", "\"patch_size\": 8", "\"patch_size\": 0", &["patch-size 0"]),
        ("hugging-face-clip", "config.json", "\"image_size\": 32", "\"image_size\": \"big\"", &["image_size", "big"]),
        ("hugging-face-clip", "config.json", "{", "{{", &["config.json"]),
        ("hugging-face-clip", "preprocessor_config.json", "\"height\": 32", "\"height\": 30", &["crop_size"]),
        ("hugging-face-clip", "preprocessor_config.json", "\"resample\": 3", "\"resample\": 0", &["resample"]),
        ("open-clip", "open_clip_config.json", "\"layers\": 2", "\"layers\": [3, 4]", &["convolutional"]),
        ("open-clip", "open_clip_config.json", "\"heads\": 2", "\"qk_norm\": true", &["text_cfg", "`qk_norm` is true"]),
        (
            "open-clip",
            "open_clip_config.json",
            "\"quick_gelu\"",
            "\"multimodal_cfg\"",
            &["model_cfg", "multimodal_cfg"],
        ),
        (
            "biomed-clip",
            "open_clip_config.json",
            "fixture_patch8",
            "unheard_of",
            &["vit_unheard_of", "vit_base_patch16_224"],
        ),
        (
            "biomed-clip",
            "open_clip_config.json",
            "cls_last_hidden_state_pooler",
            "cls_pooler",
            &["hf_pooler_type", "mean_pooler"],
        ),
    ];
    for (name, file, from, to, parts) in cases {
        let folder = copied(name);
        replace(&folder.path().join(file), from, to);
        refused(folder.path(), parts);
    }
}

#[test]
fn files_that_are_not_there() {
    refused(Path::new("nowhere"), &["nowhere is no folder"]);
    let empty = tempfile::tempdir().unwrap();
    refused(empty.path(), &["encoder.json", "open_clip_config.json", "config.json"]);
    fs::write(empty.path().join("ViT-B-32.pt"), b"").unwrap();
    let error = Encoder::open(empty.path()).err().unwrap();
    assert!(error.hint().unwrap().contains("safetensors"), "{error:?}");
    let error = Encoder::open(&empty.path().join("ViT-B-32.pt")).err().unwrap();
    assert!(error.hint().unwrap().contains("checkpoint"), "{error:?}");

    let folder = copied("open-clip");
    let weights = folder.path().join("open_clip_model.safetensors");
    fs::rename(&weights, folder.path().join("open_clip_pytorch_model.bin")).unwrap();
    refused(folder.path(), &["open_clip_pytorch_model.bin", "open_clip_model.safetensors"]);
    for file in ["preprocessor_config.json", "tokenizer.json"] {
        let folder = copied("hugging-face-clip");
        fs::remove_file(folder.path().join(file)).unwrap();
        refused(folder.path(), &[file]);
    }
}
