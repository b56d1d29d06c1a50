//! Configurations of published models, as far as they matter here.

use std::fs;

use super::*;
use crate::{ActivationName, FitName, ImagePooling, ProjectionShape, TextLayout, TextPooling};

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn openai_clip_of_hugging_face_with_its_parts_said_twice() {
    // The parts with `_dict` win, and what they leave out has the default, not the value of the other part.
    let config = r#"{
        "model_type": "clip", "projection_dim": 768, "logit_scale_init_value": 2.6592, "torch_dtype": "float32",
        "text_config": {"hidden_act": "quick_gelu", "eos_token_id": 2, "hidden_size": 768, "vocab_size": 49408, "top_k": 50},
        "text_config_dict": {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "num_hidden_layers": 12},
        "vision_config": {"hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16, "num_hidden_layers": 24,
            "image_size": 336, "patch_size": 14, "layer_norm_eps": 1e-05},
        "vision_config_dict": null
    }"#;
    let preprocess = r#"{"crop_size": 336, "do_center_crop": true, "do_normalize": true, "do_resize": true, "resample": 3, "size": 336,
        "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}"#;
    let folder =
        folder(&[("config.json", config), ("preprocessor_config.json", preprocess), ("model.safetensors", "")]);
    let model = ModelFolder::read(folder.path()).unwrap();
    assert_eq!((model.image.width, model.image.layers, model.image.heads, model.image.mlp_width), (1024, 24, 16, 4096));
    assert_eq!((model.image.grid(), model.image.position_grid, model.image.embedding_width()), (24, 24, 768));
    assert_eq!((model.text.width, model.text.heads, model.text.context_length), (768, 12, 77));
    assert_eq!(model.text.pooling, TextPooling::Id(49407));
    assert_eq!(model.text.activation, ActivationName::QuickGelu);
    assert_eq!((model.preprocess.size, model.preprocess.fit), (336, FitName::ShortestThenCenterCrop));
}

#[test]
fn the_first_files_of_clip_mark_the_end_wrongly() {
    let config = r#"{"model_type": "clip", "text_config": {"eos_token_id": 2}, "vision_config": {}}"#;
    let processor =
        r#"{"image_processor": {"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}}}"#;
    let folder = folder(&[("config.json", config), ("processor_config.json", processor), ("model.safetensors", "")]);
    let model = ModelFolder::read(folder.path()).unwrap();
    assert_eq!(model.text.pooling, TextPooling::LargestId);
    // All else is CLIP ViT-B/32.
    assert_eq!((model.image.width, model.image.grid(), model.image.embedding_width()), (768, 7, 512));
    assert_eq!((model.text.width, model.text.heads, model.text.mlp_width), (512, 8, 2048));
}

#[test]
fn open_clip_with_sizes_of_its_own() {
    let config = r#"{
        "model_cfg": {"embed_dim": 1024, "custom_text": true,
            "vision_cfg": {"image_size": [224, 224], "layers": 32, "width": 1280, "head_width": 80, "patch_size": 14, "attentional_pool": false},
            "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 1024, "heads": 16, "layers": 24, "norm_kwargs": {"eps": 1e-6}}},
        "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bilinear", "resize_mode": "squash"}
    }"#;
    let folder = folder(&[("open_clip_config.json", config), ("open_clip_model.safetensors", "")]);
    let model = ModelFolder::read(folder.path()).unwrap();
    assert_eq!((model.image.heads, model.image.mlp_width, model.image.grid()), (16, 5120, 16));
    assert_eq!(model.image.activation, ActivationName::Gelu);
    assert_eq!(model.text.layout, TextLayout::OpenClipCustomText);
    assert_eq!((model.text.norm_epsilon, model.image.norm_epsilon), (1e-6, 1e-5));
    assert_eq!((model.preprocess.fit, model.preprocess.mean), (FitName::Squash, [0.5; 3]));
}

#[test]
fn biomed_clip_by_names_only() {
    let config = r#"{
        "model_cfg": {"embed_dim": 512,
            "vision_cfg": {"timm_model_name": "vit_base_patch16_224", "timm_model_pretrained": false, "timm_pool": "", "timm_proj": "linear", "image_size": 224},
            "text_cfg": {"hf_model_name": "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract", "hf_proj_type": "mlp",
                "hf_tokenizer_name": "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract", "hf_pooler_type": "cls_last_hidden_state_pooler", "context_length": 256}},
        "preprocess_cfg": {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}
    }"#;
    let folder = folder(&[("open_clip_config.json", config), ("open_clip_model.safetensors", "")]);
    let model = ModelFolder::read(folder.path()).unwrap();
    assert_eq!((model.image.width, model.image.grid(), model.image.pooling), (768, 14, ImagePooling::ClassToken));
    assert_eq!((model.text.positions, model.text.context_length, model.text.vocabulary), (512, 256, 30522));
    let mlp = ProjectionShape::Mlp { hidden: 640, hidden_bias: false, width: 512, bias: false };
    assert_eq!((model.text.projection, model.text.pooling), (mlp, TextPooling::First));
}
