//! Names that stand for programs.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{self, Path, PathBuf},
};

use thunderline_core::{Error, Result};

/// A program that may be asked for by name. The command line belongs to whoever owns the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCommand {
    /// The name that others say.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl NamedCommand {
    /// Reads `name=/path/to/program arg…`; arguments are separated by spaces and cannot contain any.
    ///
    /// # Errors
    /// `invalid` where the name or the program is missing.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = || {
            Error::invalid_value(
                "command",
                format!("'{text}' names no program"),
                "name=/path/to/program args…",
            )
        };
        let (name, line) = text.split_once('=').ok_or_else(refuse)?;
        let mut words = line.split_whitespace();
        let program = words.next().ok_or_else(refuse)?;
        if name.trim().is_empty() {
            return Err(refuse());
        }
        Ok(Self {
            name: name.trim().into(),
            program: program.into(),
            arguments: words.map(str::to_owned).collect(),
        })
    }

    /// The same with its program's whole path: a bare name is looked for in `PATH`, another path is taken from where this process
    /// is. What starts from it starts from any folder.
    ///
    /// # Errors
    /// `invalid` where there is no such program, or it is not executable, or an argument is the path of a file as seen from here:
    /// the program would not find it.
    pub fn located(&self) -> Result<Self> {
        let refuse = |reason: String, allowed: &str| Err(Error::invalid_value(&self.name, reason, allowed));
        let given = self.program.display();
        let candidates = if self.program.as_os_str().as_encoded_bytes().contains(&b'/') {
            vec![path::absolute(&self.program)?]
        } else {
            let folders = env::var_os("PATH").unwrap_or_default();
            env::split_paths(&folders).map(|folder| folder.join(&self.program)).collect()
        };
        let Some(program) = candidates.iter().find(|it| is_program(it)).cloned() else {
            let allowed = "a file that can be executed, or the name of one in PATH";
            let reason = match candidates.iter().find(|it| it.is_file()) {
                Some(file) => format!("{given} is not executable (chmod +x {})", file.display()),
                None => format!("there is no program {given}"),
            };
            return refuse(reason, allowed);
        };
        let lost = |argument: &&String| {
            let path = Path::new(argument);
            argument.contains(['/', '.']) && path.is_relative() && path.is_file()
        };
        if let Some(argument) = self.arguments.iter().find(lost) {
            let whole = path::absolute(argument)?;
            let reason =
                format!("{given} starts in a folder of its own and does not find '{argument}' from there");
            return refuse(reason, &whole.display().to_string());
        }
        Ok(Self { program, ..self.clone() })
    }
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_read_as_its_owner_writes_it() {
        let command = NamedCommand::parse("resnet=/opt/train.py --gpu 0").unwrap();
        assert_eq!((command.name.as_str(), command.program.to_str()), ("resnet", Some("/opt/train.py")));
        assert_eq!(command.arguments, ["--gpu", "0"]);
        for text in ["", "x", "x=", "=y", "x=  "] {
            assert!(NamedCommand::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_program_is_found_from_any_folder_or_refused() {
        let located = |line: &str| NamedCommand::parse(line).unwrap().located();
        let shell = located("x=sh -c true").unwrap();
        assert!(shell.program.is_absolute() && shell.program.ends_with("sh"), "{shell:?}");
        assert_eq!(shell.arguments, ["-c", "true"]);
        for (line, why) in [
            ("x=/no/such/program", "there is no program /no/such/program"),
            ("x=no-such-program-anywhere", "there is no program no-such-program-anywhere"),
            ("x=/etc/passwd", "/etc/passwd is not executable (chmod +x /etc/passwd)"),
            ("x=/usr", "there is no program /usr"),
            // Tests run in the crate's folder.
            ("x=sh src/lib.rs", "src/lib.rs"),
        ] {
            let error = located(line).unwrap_err();
            assert!(error.code() == "invalid" && error.to_string().contains(why), "{line}: {error}");
        }
        let whole = path::absolute("src/lib.rs").unwrap();
        assert_eq!(located("x=sh src/lib.rs").unwrap_err().problems()[0].allowed, whole.to_str().unwrap());
        located(&format!("x=sh {}", whole.display())).unwrap();
    }
}
