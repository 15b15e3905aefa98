use mainstay_router::learned::{Model, ModelError};

use super::trained;

#[test]
fn a_saved_model_predicts_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let model = trained();
    model.save(&path).unwrap();
    let loaded = Model::load(&path).unwrap();
    for prompt in ["", "Compute 3 * 4.", "Say hello."] {
        assert_eq!(model.predict(prompt), loaded.predict(prompt));
    }
    assert!(model.to_bytes().unwrap().len() < 2 << 20);
}

#[test]
fn another_version_is_named() {
    let mut bytes = trained().to_bytes().unwrap();
    bytes[8] = 99;
    let error = Model::from_bytes(&bytes).unwrap_err();
    assert!(matches!(error, ModelError::Version { found: 99, expected: 3 }), "{error:?}");
}

#[test]
fn what_is_damaged_is_refused() {
    let good = trained().to_bytes().unwrap();
    for at in [12, 20, good.len() / 2, good.len() - 1] {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        assert!(matches!(Model::from_bytes(&bytes), Err(ModelError::Damaged)), "at {at}");
    }
    for length in [8, 11, 15, good.len() - 1] {
        assert!(matches!(Model::from_bytes(&good[..length]), Err(ModelError::Damaged)), "{length} bytes");
    }
    assert!(matches!(Model::from_bytes(b"anything"), Err(ModelError::NotAModel)));
}

#[test]
fn a_missing_file_is_named() {
    let error = Model::load("no/such/model").unwrap_err();
    assert_eq!(error.to_string(), "cannot use the model file no/such/model");
}
