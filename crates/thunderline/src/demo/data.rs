//! The digits: a part held out, the rest split over the clients.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use thunderline_numerics::{dataset::Dataset, partition, random::Rng};

use super::Demo;
use crate::failure::Result;

/// UCI's handwritten digits; where they come from is told beside the file.
const DIGITS: &str = include_str!("../../../../data/digits/digits.csv");
const HELD_OUT: f64 = 0.2;
/// No client has fewer examples, where there are enough.
const MINIMUM: usize = 20;

/// What lies in the folder.
pub struct Prepared {
    /// One file per client.
    pub shards: Vec<PathBuf>,
    /// The held-out part.
    pub held_out: PathBuf,
    /// All shards together, for the reference.
    pub training: Dataset,
    /// The held-out part.
    pub test: Dataset,
    /// Examples of the smallest and the largest shard.
    pub sizes: (usize, usize),
}

/// Splits the digits and writes them. The same seed gives the same files.
pub fn prepare(demo: &Demo) -> Result<Prepared> {
    let all = Dataset::read_csv(DIGITS.as_bytes(), 1.0)?;
    let (training, test) = all.split(HELD_OUT, &mut Rng::derive(demo.seed, &["split"]))?;
    let minimum = MINIMUM.min(training.len() / demo.clients.max(1));
    let mut rng = Rng::derive(demo.seed, &["partition"]);
    let places = partition::dirichlet(training.labels(), demo.clients, demo.alpha, minimum, &mut rng)?;
    let folder = demo.folder.join("demo");
    fs::create_dir_all(&folder)?;
    let held_out = folder.join("held-out.csv");
    write(&test, &held_out)?;
    let mut shards = Vec::with_capacity(places.len());
    for (number, places) in places.iter().enumerate() {
        let shard = folder.join(format!("site-{:02}.csv", number + 1));
        write(&training.subset(places), &shard)?;
        shards.push(shard);
    }
    let sizes = places.iter().map(Vec::len);
    let sizes = (sizes.clone().min().unwrap_or(0), sizes.max().unwrap_or(0));
    Ok(Prepared { shards, held_out, training, test, sizes })
}

fn write(data: &Dataset, path: &Path) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    data.write_csv(&mut file)?;
    Ok(file.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{demo::Strategy, output::Format};

    #[test]
    fn the_same_seed_gives_the_same_shards_and_every_example_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let demo = |name: &str, seed| Demo {
            clients: 7,
            rounds: 1,
            alpha: 0.5,
            strategy: Strategy::Fedavg,
            seed,
            folder: folder.path().join(name),
            format: Format::Human,
        };
        let read = |prepared: &Prepared| {
            prepared.shards.iter().map(|path| fs::read_to_string(path).unwrap()).collect::<Vec<_>>()
        };
        let one = prepare(&demo("one", 42)).unwrap();
        assert_eq!(one.training.len() + one.test.len(), 1797);
        let lines: usize = read(&one).iter().map(|text| text.lines().count()).sum();
        assert_eq!(lines, one.training.len());
        assert!(one.sizes.0 >= MINIMUM && one.sizes.0 < one.sizes.1);
        assert_eq!(read(&one), read(&prepare(&demo("two", 42)).unwrap()));
        assert_ne!(read(&one), read(&prepare(&demo("three", 43)).unwrap()));
    }
}
