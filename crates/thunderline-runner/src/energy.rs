//! How much energy the machine used while a task ran, where it has a meter.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A counter of microjoules.
struct Counter {
    path: PathBuf,
    /// Where the counter begins again at 0.
    range: Option<u64>,
    start: u64,
}

/// A running measurement of the whole machine: other work on it counts too.
pub(crate) struct Meter(Vec<Counter>);

impl Meter {
    /// Reads the counters of the kernel (RAPL, else hwmon) under `/sys/class`. Without any that can be read, the result is
    /// that nothing is known.
    pub(crate) fn start() -> Self {
        Self::start_in(Path::new("/sys/class"))
    }

    fn start_in(class: &Path) -> Self {
        let packages = entries(&class.join("powercap"), |name| {
            // `intel-rapl:0` is a processor; `intel-rapl:0:1` is a part of it that is counted already.
            name.split_once(':').is_some_and(|(_, zone)| !zone.contains(':'))
        });
        let mut counters: Vec<Counter> = packages
            .iter()
            .filter_map(|zone| {
                Counter::open(zone.join("energy_uj"), number(&zone.join("max_energy_range_uj")))
            })
            .collect();
        if counters.is_empty() {
            let chips = entries(&class.join("hwmon"), |_| true);
            counters =
                chips.iter().filter_map(|chip| Counter::open(chip.join("energy1_input"), None)).collect();
        }
        Self(counters)
    }

    /// Joules since the start; `None` where nothing can be read.
    pub(crate) fn joules(&self) -> Option<f64> {
        if self.0.is_empty() {
            return None;
        }
        let used: Option<u64> = self.0.iter().map(Counter::used).sum();
        used.map(|microjoules| microjoules as f64 / 1e6)
    }
}

impl Counter {
    fn open(path: PathBuf, range: Option<u64>) -> Option<Self> {
        let start = number(&path)?;
        Some(Self { path, range, start })
    }

    fn used(&self) -> Option<u64> {
        let now = number(&self.path)?;
        match now.checked_sub(self.start) {
            Some(used) => Some(used),
            None => self.range.map(|range| range.saturating_sub(self.start) + now),
        }
    }
}

fn entries(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let Ok(list) = fs::read_dir(folder) else { return Vec::new() };
    list.flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(&wanted))
        .map(|entry| entry.path())
        .collect()
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: PathBuf, value: u64) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{value}\n")).unwrap();
    }

    #[test]
    fn processors_are_added_up_and_their_parts_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let zone = |name: &str| folder.path().join("powercap").join(name);
        write(zone("intel-rapl:0").join("energy_uj"), 900);
        write(zone("intel-rapl:0").join("max_energy_range_uj"), 1_000);
        write(zone("intel-rapl:1").join("energy_uj"), 10);
        write(zone("intel-rapl:0:0").join("energy_uj"), 5);
        write(folder.path().join("hwmon/hwmon0/energy1_input"), 1);
        let meter = Meter::start_in(folder.path());
        write(zone("intel-rapl:0").join("energy_uj"), 400);
        write(zone("intel-rapl:1").join("energy_uj"), 1_000_010);
        write(zone("intel-rapl:0:0").join("energy_uj"), 7_000_000);
        assert_eq!(meter.joules(), Some(1.0005));
    }

    #[test]
    fn a_sensor_will_do_and_a_machine_without_any_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Meter::start_in(folder.path()).joules(), None);
        let sensor = folder.path().join("hwmon/hwmon0/energy1_input");
        write(sensor.clone(), 1_000_000);
        let meter = Meter::start_in(folder.path());
        write(sensor.clone(), 3_500_000);
        assert_eq!(meter.joules(), Some(2.5));
        fs::remove_file(sensor).unwrap();
        assert_eq!(meter.joules(), None);
    }
}
