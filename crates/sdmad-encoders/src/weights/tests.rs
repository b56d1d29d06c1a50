use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use sdmad_base::Kind;

use super::*;

fn write(tensors: &[(&str, Dtype, &[usize], &[u8])]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| (*name, TensorView::new(*dtype, shape.to_vec(), bytes).unwrap()));
    serialize_to_file(views, None, file.path()).unwrap();
    file
}

fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

#[test]
fn names_shapes_and_types() {
    let numbers = bytes(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let file = write(&[
        ("a.weight", Dtype::F32, &[2, 3], &numbers),
        ("a.scale", Dtype::BF16, &[1], &[0x80, 0x3f]),
        ("a.ids", Dtype::I64, &[1], &[0; 8]),
        ("b.position_ids", Dtype::I64, &[1], &[0; 8]),
    ]);
    let file = WeightFile::open(file.path()).unwrap();
    let a = file.at(Precision::F32).pp("a");
    assert_eq!(a.matrix("weight", 2, 3).unwrap().row(1), [4.0, 5.0, 6.0]);
    assert_eq!(a.scalar("scale").unwrap(), 1.0);

    let shape = a.matrix("weight", 3, 2).unwrap_err();
    assert_eq!(shape.kind(), Kind::BadInput);
    for part in ["`a.weight`", "[2, 3]", "[3, 2]"] {
        assert!(shape.to_string().contains(part), "{shape}");
    }
    let missing = a.vector("bias", 2).unwrap_err().to_string();
    for part in ["`a.bias`", "[2]", "`a.ids`"] {
        assert!(missing.contains(part), "{missing}");
    }
    assert!(a.vector("ids", 1).unwrap_err().to_string().contains("I64"));

    let left = file.finish(|_| true, &["position_ids"], "text tower").unwrap_err().to_string();
    assert!(left.contains("1 tensor ") && left.contains("`a.ids`") && left.contains("text tower"), "{left}");
    file.finish(|_| true, &["position_ids", "ids"], "text tower").unwrap();
    file.finish(|name| name.starts_with("b."), &["position_ids"], "text tower").unwrap();
}

#[test]
fn a_weight_that_is_no_number_is_named() {
    for bad in [f32::NAN, f32::INFINITY] {
        let file = write(&[("w", Dtype::F32, &[3], &bytes(&[0.0, bad, 0.0]))]);
        let file = WeightFile::open(file.path()).unwrap();
        let error = file.at(Precision::F32).vector("w", 3).unwrap_err().to_string();
        assert!(error.contains("`w`") && error.contains("number 1 of 3"), "{error}");
    }
}

#[test]
fn a_file_that_broke_off_is_refused() {
    let whole = write(&[("w", Dtype::F32, &[3], &bytes(&[0.0; 3]))]);
    let bytes = std::fs::read(whole.path()).unwrap();
    for length in [0, 4, 20, bytes.len() - 1] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes[..length]).unwrap();
        let error = WeightFile::open(file.path()).err().unwrap();
        assert_eq!(error.kind(), Kind::BadInput, "{error}");
    }
    assert!(WeightFile::open(Path::new("nowhere.safetensors")).is_err());
    assert!(WeightFile::open(Path::new("/")).is_err());
}
