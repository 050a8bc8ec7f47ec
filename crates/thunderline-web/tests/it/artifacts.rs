//! What people bring and fetch.

use std::{fs, io::Cursor};

use axum::http::StatusCode;
use thunderline_numerics::{ArraySpec, DType, MemoryArrays, ModelSchema, npz};
use thunderline_testkit::{TestDb, both};
use thunderline_web::Settings;

use crate::site::Site;

const PATH: &str = "/api/v1/artifacts";
const CSV: &str = "1,2,3,4,0\n5,6,7,8,1\n";

fn model() -> Vec<u8> {
    let schema = ModelSchema::new(vec![
        ArraySpec::new("w", DType::F32, &[2, 4]),
        ArraySpec::new("b", DType::F32, &[2]),
    ]);
    let schema = schema.unwrap();
    let arrays = MemoryArrays::new(schema.clone(), vec![0; 40]).unwrap();
    npz::write_npz(Cursor::new(Vec::new()), &schema, &arrays).unwrap().into_inner()
}

both!(a_data_set_is_kept_as_it_is_and_damage_is_found, async |t: TestDb| {
    let site = Site::new(t).await?;
    let answer = site.post(&format!("{PATH}?kind=dataset&name=held%20out"), CSV).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let artifact = answer.json();
    assert_eq!((&artifact["name"], &artifact["format"]), (&"held out".into(), &"csv".into()));
    assert_eq!(artifact["metadata"], serde_json::json!({"examples": 2, "columns": 4, "classes": 2}));
    let id = artifact["id"].as_str().unwrap();
    assert_eq!(site.get(&format!("{PATH}/{id}/content")).await.text(), CSV);
    let again = site.post(&format!("{PATH}?kind=dataset"), CSV).await.json();
    assert_eq!(again["id"], artifact["id"], "the same bytes are the same artifact");
    assert_eq!(site.get(PATH).await.json()["items"].as_array().map(Vec::len), Some(1));

    let verify = format!("{PATH}/{id}/verify");
    assert_eq!(site.post(&verify, "").await.json()["result"], "intact");
    let blob = site.objects.checkpoints()?.path_of(&artifact["sha256"].as_str().unwrap().parse()?);
    fs::write(&blob, "1,2,3,4,1\n")?;
    assert_eq!(site.post(&verify, "").await.json()["result"], "damaged");
    fs::remove_file(&blob)?;
    assert_eq!(site.post(&verify, "").await.json()["result"], "missing");
    site.get(&format!("{PATH}/{id}/content")).await.assert_problem(404, "not_found");
});

both!(a_numpy_model_can_be_trained_on_and_fetched_in_both_forms, async |t: TestDb| {
    let site = Site::new(t).await?;
    let artifact = site.post(&format!("{PATH}?kind=model&name=start"), model()).await.json();
    assert_eq!(
        (&artifact["format"], &artifact["metadata"]["parameters"]),
        (&"safetensors".into(), &10.into())
    );
    let id = artifact["id"].as_str().unwrap();
    assert_eq!(site.get(&format!("{PATH}/{id}/content?format=npz")).await.bytes, model());
    let stored = site.get(&format!("{PATH}/{id}/content?format=safetensors")).await.bytes;
    assert_eq!(thunderline_objects::Sha256::of(&stored).to_string(), artifact["sha256"].as_str().unwrap());
    site.get(&format!("{PATH}/{id}/content?format=csv")).await.assert_problem(422, "invalid");
    let spec = format!(
        "model_ref: sha256:{}\napp: {{command: x}}\nnum_rounds: 1\n",
        artifact["sha256"].as_str().unwrap()
    );
    assert_eq!(site.post("/api/v1/federations", spec.clone()).await.status, StatusCode::CREATED);
    // Nobody is sent a model that is not the one that was brought.
    let blob = site.objects.checkpoints()?.path_of(&artifact["sha256"].as_str().unwrap().parse()?);
    fs::remove_file(&blob)?;
    for bytes in [None, Some(vec![0; stored.len()])] {
        bytes.map_or(Ok(()), |bytes| fs::write(&blob, bytes))?;
        let problem = site.post("/api/v1/federations", spec.clone()).await.assert_problem(422, "invalid");
        assert_eq!(problem["problems"][0]["path"], "model_ref");
    }
    site.get(&format!("{PATH}/{id}/content?format=npz")).await.assert_problem(409, "conflict");
});

both!(what_is_too_long_or_not_what_it_says_is_refused, async |t: TestDb| {
    let settings = Settings { largest_upload: 1_000, ..Settings::default() };
    let site = Site::with(t, settings).await?;
    site.post(&format!("{PATH}?kind=dataset"), CSV.repeat(100)).await.assert_problem(413, "too_large");
    site.post(&format!("{PATH}?kind=dataset"), "1,2,x\n").await.assert_problem(422, "invalid");
    site.post(&format!("{PATH}?kind=bundle"), "no zip").await.assert_problem(422, "invalid");
    site.post(&format!("{PATH}?kind=model"), "no model").await.assert_problem(422, "invalid");
    site.post(&format!("{PATH}?kind=picture"), CSV).await.assert_problem(422, "invalid");
    site.post(PATH, CSV).await.assert_problem(422, "invalid");
    assert_eq!(site.get(PATH).await.json()["items"], serde_json::json!([]));
});

both!(a_flower_app_tells_its_settings, async |t: TestDb| {
    let site = Site::new(t).await?;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/peers/numpy-app");
    let bundle = thunderline_flower::fab::from_folder(folder.as_ref())?;
    let answer = site.post(&format!("{PATH}?kind=bundle"), bundle.content.clone()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let artifact = answer.json();
    assert_eq!(
        (&artifact["metadata"]["fab_id"], &artifact["sha256"]),
        (&bundle.id.clone().into(), &bundle.hash.into())
    );
    let known: Vec<_> = artifact["metadata"]["config"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(known, bundle.config.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>());
    // A setting that the app does not know would leave every client deaf.
    let digest = artifact["sha256"].as_str().unwrap();
    let model = site.post(&format!("{PATH}?kind=model"), model()).await.json();
    let spec = format!(
        "model_ref: sha256:{}\nnum_rounds: 1\napp: {{flower: {{bundle: 'sha256:{digest}', config: {{no-such-setting: 1}}}}}}\n",
        model["sha256"].as_str().unwrap()
    );
    let problem = site.post("/api/v1/federations", spec).await.assert_problem(422, "invalid");
    assert_eq!(problem["problems"][0]["path"], "app.flower.config.no-such-setting");
});
