//! Instance files: channels with powers, as `aircomp design` reads them.
//!
//! A file holds one instance or a list. An instance is a JSON object with `receive_antennas` R; `transmit_antennas`, T_n per
//! device; `transmit_power`, p_n per device; `noise_power` σ²; and `channels`, per device an object whose `re` and `im` are R rows of
//! T_n numbers. `name` may be left out; other fields are ignored. What the numbers mean is checked by [`solver::Problem`], the
//! shape of the file here.

mod error;
#[cfg(test)]
mod tests;

pub use error::InstanceError;

use faer::{Mat, c64};
use serde_json::{Map, Value};
use solver::Problem;

/// Largest file, in bytes.
pub const LARGEST_FILE: usize = 64 << 20;
/// Most antennas of a server.
pub const MOST_RECEIVE_ANTENNAS: usize = 512;
/// Most antennas of a device.
pub const MOST_TRANSMIT_ANTENNAS: usize = 64;
/// Most devices of an instance.
pub const MOST_DEVICES: usize = 512;
/// Most `Σ T_n²`: a relaxation solves dense systems of this many unknowns, here of half a gigabyte.
pub const MOST_UNKNOWNS: usize = 8192;
/// Longest name, in characters.
const LONGEST_NAME: usize = 200;

/// One instance of the short-term problem, its shape checked.
#[derive(Debug, Clone)]
pub struct Instance {
    /// What to call it; `instance-1` and so on where the file does not say.
    pub name: String,
    /// `H_n`, `R×T_n`, finite.
    pub channels: Vec<Mat<c64>>,
    /// `p_n`, as many as there are channels, finite.
    pub transmit_power: Vec<f64>,
    /// `σ²`, finite.
    pub noise_power: f64,
}

impl Instance {
    /// The problem that the instance states, with as many streams as the least of R and all T_n, or as many as given.
    ///
    /// # Errors
    /// [`solver::Error`] where a power is not positive or there are more streams than antennas.
    pub fn problem(&self, streams: Option<usize>) -> Result<Problem, solver::Error> {
        let problem = Problem::new(self.channels.clone(), self.transmit_power.clone(), self.noise_power)?;
        match streams {
            Some(streams) => problem.with_streams(streams),
            None => Ok(problem),
        }
    }
}

/// Reads the instances of a file, at least one.
///
/// # Errors
/// [`InstanceError`], with the place in the file, for whatever is not in the format.
pub fn parse(bytes: &[u8]) -> Result<Vec<Instance>, InstanceError> {
    if bytes.len() > LARGEST_FILE {
        return Err(InstanceError::TooLarge { limit: LARGEST_FILE });
    }
    let file: Value = serde_json::from_slice(bytes).map_err(|source| InstanceError::json(bytes, source))?;
    match &file {
        Value::Array(list) if list.is_empty() => Err(InstanceError::NoInstance),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(index, value)| instance(&Place::root().item(index), value, index))
            .collect(),
        value => Ok(vec![instance(&Place::root(), value, 0)?]),
    }
}

/// Where in the file a value is, as `[1].channels[0].re[3][2]`.
#[derive(Debug, Clone)]
struct Place(String);

impl Place {
    fn root() -> Self {
        Self(String::new())
    }

    fn item(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    fn field(&self, name: &str) -> Self {
        Self(if self.0.is_empty() { name.into() } else { format!("{}.{name}", self.0) })
    }

    fn unexpected(&self, expected: &'static str, found: &Value) -> InstanceError {
        InstanceError::Unexpected { place: self.to_string(), expected, found: describe(found) }
    }

    fn count(&self, expected: usize, found: usize, reason: &'static str) -> Result<(), InstanceError> {
        if expected == found {
            return Ok(());
        }
        Err(InstanceError::Count { place: self.to_string(), expected, found, reason })
    }

    fn size(&self, value: usize, maximum: usize) -> Result<usize, InstanceError> {
        if (1..=maximum).contains(&value) {
            return Ok(value);
        }
        Err(InstanceError::Size { place: self.to_string(), value, maximum })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(if self.0.is_empty() { "the file" } else { &self.0 })
    }
}

fn instance(place: &Place, value: &Value, index: usize) -> Result<Instance, InstanceError> {
    let object = value.as_object().ok_or_else(|| place.unexpected("an instance (an object)", value))?;
    let name = match object.get("name") {
        None => format!("instance-{}", index + 1),
        Some(value) => name(&place.field("name"), value)?,
    };
    let (at, value) = field(place, object, "receive_antennas")?;
    let receive_antennas = at.size(whole(&at, value)?, MOST_RECEIVE_ANTENNAS)?;
    let (at, value) = field(place, object, "transmit_antennas")?;
    let antennas = array(&at, value)?;
    let devices = at.size(antennas.len(), MOST_DEVICES)?;
    let transmit_antennas =
        each(&at, antennas, |at, value| at.size(whole(at, value)?, MOST_TRANSMIT_ANTENNAS))?;

    let unknowns = transmit_antennas.iter().map(|antennas| antennas * antennas).sum();
    if unknowns > MOST_UNKNOWNS {
        return Err(InstanceError::Unknowns { place: at.to_string(), unknowns, maximum: MOST_UNKNOWNS });
    }

    let (at, value) = field(place, object, "transmit_power")?;
    let powers = array(&at, value)?;
    at.count(devices, powers.len(), "one per device in transmit_antennas")?;
    let transmit_power = each(&at, powers, number)?;
    let (at, value) = field(place, object, "noise_power")?;
    let noise_power = number(&at, value)?;

    let (at, value) = field(place, object, "channels")?;
    let list = array(&at, value)?;
    at.count(devices, list.len(), "one per device in transmit_antennas")?;
    let mut channels = Vec::with_capacity(devices);
    for (device, (value, &columns)) in list.iter().zip(&transmit_antennas).enumerate() {
        channels.push(channel(&at.item(device), value, receive_antennas, columns)?);
    }
    Ok(Instance { name, channels, transmit_power, noise_power })
}

fn channel(place: &Place, value: &Value, rows: usize, columns: usize) -> Result<Mat<c64>, InstanceError> {
    let object = value.as_object().ok_or_else(|| place.unexpected("an object with re and im", value))?;
    let part = |name| {
        let (at, value) = field(place, object, name)?;
        matrix(&at, value, rows, columns)
    };
    let (re, im) = (part("re")?, part("im")?);
    Ok(Mat::from_fn(rows, columns, |i, j| c64::new(re[i][j], im[i][j])))
}

fn matrix(place: &Place, value: &Value, rows: usize, columns: usize) -> Result<Vec<Vec<f64>>, InstanceError> {
    let list = array(place, value)?;
    place.count(rows, list.len(), "one row per receive antenna")?;
    each(place, list, |at, row| {
        let row = array(at, row)?;
        at.count(columns, row.len(), "one number per transmit antenna of this device")?;
        each(at, row, number)
    })
}

fn field<'a>(
    place: &Place,
    object: &'a Map<String, Value>,
    name: &'static str,
) -> Result<(Place, &'a Value), InstanceError> {
    match object.get(name) {
        Some(value) => Ok((place.field(name), value)),
        None => Err(InstanceError::Missing { place: place.to_string(), field: name }),
    }
}

fn each<T>(
    place: &Place,
    list: &[Value],
    mut read: impl FnMut(&Place, &Value) -> Result<T, InstanceError>,
) -> Result<Vec<T>, InstanceError> {
    list.iter().enumerate().map(|(index, value)| read(&place.item(index), value)).collect()
}

fn array<'a>(place: &Place, value: &'a Value) -> Result<&'a [Value], InstanceError> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| place.unexpected("a list", value))
}

fn whole(place: &Place, value: &Value) -> Result<usize, InstanceError> {
    value
        .as_u64()
        .and_then(|value| usize::try_from(value).ok())
        .ok_or_else(|| place.unexpected("a whole number", value))
}

fn number(place: &Place, value: &Value) -> Result<f64, InstanceError> {
    value.as_f64().filter(|value| value.is_finite()).ok_or_else(|| place.unexpected("a finite number", value))
}

/// A name is shown on terminals: no control characters, no pages of text.
fn name(place: &Place, value: &Value) -> Result<String, InstanceError> {
    const EXPECTED: &str = "a string of at most 200 characters, none of them a control character";
    let name = value.as_str().ok_or_else(|| place.unexpected(EXPECTED, value))?;
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(place.unexpected(EXPECTED, value));
    }
    Ok(name.into())
}

/// A value for a message: short whatever it is.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(text) if text.len() <= 20 => format!("{text:?}"),
        Value::String(_) => "a string".into(),
        Value::Array(list) => format!("a list of {}", list.len()),
        Value::Object(_) => "an object".into(),
    }
}
