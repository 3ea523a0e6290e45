//! The directory of a report: written whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use super::{Format, FormatError, Json, Report, files};

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    directory: PathBuf,
}

/// Why a report could not be put into its directory.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The path is taken by something that is not a directory.
    #[error("{} exists and is not a directory; choose another directory for the report", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// A file that a report would replace was not written by this program.
    #[error(
        "{} is not from an earlier report of aircomp and would be overwritten; choose another directory for the report",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot write the report to {}", path.display())]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the report could not be rendered.
    #[error("cannot render {file}")]
    Format {
        /// The file.
        file: &'static str,
        /// Why.
        source: FormatError,
    },
}

impl Destination {
    /// The directory at `path`, which need not exist yet.
    ///
    /// # Errors
    /// [`ReportError::NotADirectory`] and [`ReportError::Foreign`] when a report must not be put there:
    /// other files of the directory are left alone, and only an earlier report is replaced.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, ReportError> {
        let directory = path.into();
        match fs::metadata(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self { directory }),
            Err(source) => return Err(ReportError::Io { path: directory, source }),
            Ok(metadata) if !metadata.is_dir() => {
                return Err(ReportError::NotADirectory { path: directory });
            }
            Ok(_) => {}
        }
        let ours = is_report(&directory.join(Json.file_name()));
        for format in files() {
            let path = directory.join(format.file_name());
            let taken = path.symlink_metadata().is_ok();
            if taken && !(ours && path.is_file()) {
                return Err(ReportError::Foreign { path });
            }
        }
        Ok(Self { directory })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// Writes every file of the report.
    ///
    /// A directory that does not exist yet is filled under another name and then renamed. In one that exists, every file
    /// is written in full beside the old one before the first is replaced.
    ///
    /// # Errors
    /// [`ReportError`]; until all files are written in full, nothing in the directory has changed.
    pub fn write(&self, report: &Report) -> Result<(), ReportError> {
        let mut rendered = Vec::new();
        for format in files() {
            let file = format.file_name();
            let text = format.render(report).map_err(|source| ReportError::Format { file, source })?;
            rendered.push((file, text));
        }
        // Anew: the evaluation may have taken an hour, and others write files too.
        Self::new(&self.directory)?;
        let written = if self.directory.is_dir() { self.replace(&rendered) } else { self.create(&rendered) };
        written.map_err(|source| ReportError::Io { path: self.directory.clone(), source })
    }

    fn create(&self, rendered: &[(&str, String)]) -> io::Result<()> {
        let parent = match self.directory.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent)?;
        let staging = builder(0o777).tempdir_in(parent)?;
        for (name, text) in rendered {
            fs::write(staging.path().join(name), text)?;
        }
        fs::rename(staging.path(), &self.directory)?;
        // Renamed away: there is nothing left to delete.
        let _ = staging.keep();
        Ok(())
    }

    fn replace(&self, rendered: &[(&str, String)]) -> io::Result<()> {
        let mut staged: Vec<(&str, NamedTempFile)> = Vec::new();
        for (name, text) in rendered {
            let mut file = builder(0o666).tempfile_in(&self.directory)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            staged.push((name, file));
        }
        for (name, file) in staged {
            file.persist(self.directory.join(name))?;
        }
        Ok(())
    }
}

/// Temporary files that end up with the permissions of ordinary ones.
fn builder(mode: u32) -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(".aircomp-report-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    builder
}

/// Whether the file is a `report.json` of this program.
fn is_report(path: &Path) -> bool {
    #[derive(serde::Deserialize)]
    struct Marker {
        program: String,
    }
    fs::read(path)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Marker>(&bytes).ok())
        .is_some_and(|marker| marker.program == Report::PROGRAM)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::synthetic;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    const FILES: [&str; 4] = ["configuration.json", "report.csv", "report.html", "report.json"];

    #[test]
    fn writes_into_a_new_directory_and_again() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b");
        for _ in 0..2 {
            Destination::new(&path).unwrap().write(&synthetic::report()).unwrap();
            assert_eq!(names(&path), FILES);
            assert_eq!(names(&root.path().join("a")), ["b"]);
        }
    }

    #[cfg(unix)]
    #[test]
    fn files_are_as_readable_as_ordinary_ones() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let ordinary = root.path().join("ordinary");
        fs::create_dir(&ordinary).unwrap();
        fs::write(ordinary.join("file"), "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        let path = root.path().join("report");
        for _ in 0..2 {
            Destination::new(&path).unwrap().write(&synthetic::report()).unwrap();
            assert_eq!(mode(&path), mode(&ordinary));
            assert_eq!(mode(&path.join("report.html")), mode(&ordinary.join("file")));
        }
    }

    #[test]
    fn leaves_other_files_alone() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("thesis.tex"), "mine").unwrap();
        Destination::new(root.path()).unwrap().write(&synthetic::report()).unwrap();
        assert_eq!(fs::read_to_string(root.path().join("thesis.tex")).unwrap(), "mine");
        assert_eq!(names(root.path()).len(), 5);
    }

    #[test]
    fn refuses_to_replace_what_is_not_ours() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("report.csv"), "mine").unwrap();
        let error = Destination::new(root.path()).unwrap_err();
        assert!(matches!(error, ReportError::Foreign { .. }), "{error}");
        fs::write(root.path().join("report.json"), r#"{"program": "other"}"#).unwrap();
        assert!(matches!(Destination::new(root.path()), Err(ReportError::Foreign { .. })));
        assert!(matches!(
            Destination::new(root.path().join("report.csv")),
            Err(ReportError::NotADirectory { .. })
        ));
        assert!(matches!(
            Destination::new(root.path().join("report.csv/below")),
            Err(ReportError::Io { .. })
        ));
        // What appears while the evaluation runs is seen as well.
        let late = Destination::new(root.path().join("late")).unwrap();
        fs::write(late.path(), "mine").unwrap();
        assert!(matches!(late.write(&synthetic::report()), Err(ReportError::NotADirectory { .. })));
        assert_eq!(fs::read_to_string(late.path()).unwrap(), "mine");
        assert_eq!(names(root.path()), ["late", "report.csv", "report.json"]);
    }

    #[test]
    fn an_unwritable_place_is_a_typed_error() {
        // Not even the superuser can create a directory here.
        let destination = Destination::new("/proc/aircomp-report");
        if let Ok(destination) = destination {
            let error = destination.write(&synthetic::report()).unwrap_err();
            assert!(matches!(error, ReportError::Io { .. }), "{error}");
        }
    }
}
