//! `thunderline artifacts get`

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;
use thunderline_core::Error;
use thunderline_objects::Hasher;
use thunderline_web::dto::artifact::Artifact;

use crate::{
    client::{Client, path},
    failure::{Failure, Result},
    output::{Format, numbers::bytes, print},
};

/// Fetch an artifact's file; its digest is checked on the way
#[derive(Args, Debug)]
pub struct Get {
    /// The artifact's id
    id: String,
    /// Where to; the digest's first digits and the format unless given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The form: as stored, or a model as NumPy's npz
    #[arg(long, value_parser = ["safetensors", "npz", "fab", "csv"])]
    format: Option<String>,
}

impl Get {
    /// Fetches it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = path("/api/v1/artifacts/{id}", &[&self.id])?;
        if let Some(folder) = self.output.as_ref().filter(|target| target.is_dir()) {
            let reason = format!("{} is a folder", folder.display());
            return Err(Error::invalid_value("--output", reason, "the name of a file").into());
        }
        let artifact: Artifact = client.get(&path, &[])?;
        let wanted = self.format.clone().unwrap_or_else(|| artifact.format.clone());
        let name = || PathBuf::from(format!("{}.{wanted}", &artifact.sha256[..16]));
        let target = self.output.clone().unwrap_or_else(name);
        // Other forms have other bytes, which no digest is known of.
        let expected = (wanted == artifact.format).then_some(artifact.sha256.as_str());
        let response = client.open(&format!("{path}/content"), &[("format", &wanted)], &[])?;
        let length = save(response.into_body().into_reader(), &target, expected)?;
        let result = json!({ "file": target, "size_bytes": length, "format": wanted, "sha256": expected });
        print(format, &result, |_| {
            format!("{}  {}  {}", target.display(), bytes(length), expected.unwrap_or(""))
        });
        Ok(())
    }
}

/// Writes beside the target first: nobody finds half a model.
fn save(mut input: impl Read, target: &Path, expected: Option<&str>) -> Result<u64> {
    let mut partial = target.as_os_str().to_owned();
    partial.push(".part");
    let partial = PathBuf::from(partial);
    let outcome = copy(&mut input, &partial, expected);
    match outcome {
        Ok(length) => {
            fs::rename(&partial, target)?;
            Ok(length)
        }
        Err(failure) => {
            let _gone = fs::remove_file(&partial);
            Err(failure)
        }
    }
}

fn copy(input: &mut impl Read, partial: &Path, expected: Option<&str>) -> Result<u64> {
    let cannot =
        |error: io::Error| Failure::failed(format!("{} cannot be written: {error}", partial.display()));
    let mut file = File::create(partial).map_err(cannot)?;
    let (mut hasher, mut length, mut buffer) = (Hasher::new(), 0, vec![0; 1 << 16]);
    loop {
        let count = input
            .read(&mut buffer)
            .map_err(|error| Failure::failed(format!("the download broke off: {error}")))?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        file.write_all(&buffer[..count]).map_err(cannot)?;
        length += count as u64;
    }
    let found = hasher.finish().to_string();
    match expected {
        Some(expected) if expected != found => Err(Failure::failed(format!(
            "what came has the digest {found}, not {expected}; see 'artifacts verify'"
        ))),
        _ => Ok(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    #[test]
    fn a_folder_is_no_target() {
        let folder = tempfile::tempdir().unwrap();
        let get = Get { id: "x".into(), output: Some(folder.path().into()), format: None };
        let client = Client::new("http://127.0.0.1:9", None).unwrap();
        assert_eq!(get.run(&client, Format::Human).unwrap_err().exit, Exit::Refused);
    }

    #[test]
    fn a_file_with_another_digest_is_not_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("model");
        let digest = thunderline_objects::Sha256::of(b"good").to_string();
        assert_eq!(save(&b"good"[..], &target, Some(&digest)).unwrap(), 4);
        assert!(save(&b"evil"[..], &target, Some(&digest)).is_err());
        assert_eq!(fs::read(&target).unwrap(), b"good");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
