//! World coordinates: the crate `wcs` has the projections; the way to the plane that they
//! project from is worked out here, because it lacks TPV, and its SIP (0.4.2) is not astropy's.

use serde_json::{Map, json};
use wcs::{ImgXY, WCS, WCSParams};

use crate::data::caught::caught;
use crate::data::fits::cards::Cards;

/// The highest SIP order, and the last index of a TPV polynomial.
const SIP_ORDER: f64 = 9.0;
const LAST_PV: usize = 39;

/// From pixels to right ascension and declination.
pub struct Wcs {
    /// CRPIX1, CRPIX2; CD1_1, CD1_2, CD2_1, CD2_2.
    pixel: [f64; 2],
    cd: [f64; 4],
    /// A_p_q and B_p_q of SIP as (p, q, value), in pixels; none without SIP.
    sip: [Vec<(i32, i32, f64)>; 2],
    /// The polynomials of TPV, in degrees, if there are any.
    tpv: Option<[Vec<f64>; 2]>,
    projection: WCS,
}

impl std::fmt::Debug for Wcs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wcs at pixel {:?}, CD {:?}", self.pixel, self.cd)
    }
}

impl Wcs {
    /// That of a header: any projection of the crate `wcs` with RA as axis 1 and DEC as
    /// axis 2, a CD matrix, PC and CDELT, or CROTA2; SIP; TPV, also where SCAMP calls it TAN.
    /// The error says in words what is missing.
    pub(super) fn of(cards: &Cards) -> Result<Wcs, String> {
        let text = |name: &str| cards.text(name).unwrap_or_default();
        let number = |name: &str| cards.number(name);
        let types = (text("CTYPE1"), text("CTYPE2"));
        if types.0.is_empty() && types.1.is_empty() {
            return Err("the header has no world coordinates (CTYPE1)".into());
        }
        for name in ["CUNIT1", "CUNIT2"] {
            let unit = text(name).to_lowercase();
            if !matches!(unit.as_str(), "" | "deg" | "degree" | "degrees") {
                return Err(format!("{name} = '{unit}' is not understood"));
            }
        }
        let plain = types.0.is_ascii() && types.1.is_ascii();
        let celestial = types.0.starts_with("RA--") && types.1.starts_with("DEC-");
        if !(plain && celestial && types.0.len() >= 8 && types.1.len() >= 8) {
            let found = format!("CTYPE1 = '{}', CTYPE2 = '{}'", types.0, types.1);
            return Err(format!("{found} is not understood"));
        }
        let need = |name: &str| {
            let finite = number(name).filter(|x| x.is_finite());
            finite.ok_or_else(|| format!("there is a CTYPE1 but no {name}"))
        };
        let pixel = [need("CRPIX1")?, need("CRPIX2")?];
        let (ra, dec) = (need("CRVAL1")?, need("CRVAL2")?);
        let cd = matrix(&number).ok_or("there is no CD matrix, nor CDELT1 and CDELT2")?;
        let sip = types.0.ends_with("-SIP");
        // With SIP, SCAMP's PV terms are the same distortion said twice.
        let tan = &types.0[5..8] == "TAN";
        let tpv = &types.0[5..8] == "TPV" || (tan && !sip && has_pv(&number));
        let mut fields = Map::new();
        let projection = if tpv { "TAN" } else { &types.0[5..8] };
        fields.insert("CTYPE1".into(), json!(format!("RA---{projection}")));
        fields.insert("CTYPE2".into(), json!(format!("DEC--{projection}")));
        // What it is given are degrees in the plane, not pixels.
        let numbers = [
            ("CRPIX1", 0.0),
            ("CRPIX2", 0.0),
            ("CD1_1", 1.0),
            ("CD1_2", 0.0),
            ("CD2_1", 0.0),
            ("CD2_2", 1.0),
            ("CRVAL1", ra),
            ("CRVAL2", dec),
        ];
        for (name, value) in numbers {
            fields.insert(name.into(), json!(value));
        }
        for name in ["NAXIS", "NAXIS1", "NAXIS2"] {
            fields.insert(name.into(), json!(2));
        }
        let mut others = vec!["LONPOLE".to_string(), "LATPOLE".to_string()];
        let distorted_here = tpv || (tan && sip);
        if !distorted_here {
            others.extend((0..=20).map(|m| format!("PV2_{m}")));
        }
        for name in others {
            if let Some(value) = number(&name) {
                fields.insert(name, json!(value));
            }
        }
        let params: WCSParams = serde_json::from_value(fields.into())
            .map_err(|e| format!("the world coordinates are not understood ({e})"))?;
        // It indexes texts and divides by what stands in the header.
        let built = caught(|| WCS::new(&params));
        let projection = match built {
            Some(Ok(projection)) => projection,
            Some(Err(e)) => return Err(format!("the world coordinates are not understood ({e})")),
            None => return Err("the world coordinates are not understood".into()),
        };
        Ok(Wcs {
            pixel,
            cd,
            sip: match sip {
                true => [sip_terms(&number, "A")?, sip_terms(&number, "B")?],
                false => [Vec::new(), Vec::new()],
            },
            tpv: tpv.then(|| [polynomial(&number, 1), polynomial(&number, 2)]),
            projection,
        })
    }

    /// Right ascension and declination in degrees, [0, 360) and [-90, 90], of a place in the
    /// image in pixels as FITS counts them: the centre of the first pixel is (1, 1). They are
    /// in the header's own system (RADESYS). `None` where the projection is not defined.
    pub fn sky(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (u, v) = (x - self.pixel[0], y - self.pixel[1]);
        let [a, b] = &self.sip;
        let more = |terms: &[(i32, i32, f64)]| -> f64 {
            let one = |(p, q, value): &(i32, i32, f64)| value * u.powi(*p) * v.powi(*q);
            terms.iter().map(one).sum()
        };
        let (u, v) = (u + more(a), v + more(b));
        let xi = self.cd[0] * u + self.cd[1] * v;
        let eta = self.cd[2] * u + self.cd[3] * v;
        let (x, y) = match &self.tpv {
            None => (xi, eta),
            Some([first, second]) => (distorted(first, xi, eta), distorted(second, eta, xi)),
        };
        let place = self.projection.unproj(&ImgXY::new(x, y))?;
        let (ra, dec) = (place.lon().to_degrees(), place.lat().to_degrees());
        let known = ra.is_finite() && dec.is_finite();
        known.then(|| (ra.rem_euclid(360.0) % 360.0, dec))
    }
}

/// CD1_1, CD1_2, CD2_1, CD2_2; from CDELT with PC or CROTA2 where there is no CD.
fn matrix(number: &dyn Fn(&str) -> Option<f64>) -> Option<[f64; 4]> {
    let cd = ["CD1_1", "CD1_2", "CD2_1", "CD2_2"].map(number);
    let matrix = if cd.iter().any(Option::is_some) {
        cd.map(|value| value.unwrap_or(0.0))
    } else {
        let (x, y) = (number("CDELT1")?, number("CDELT2")?);
        let pc = ["PC1_1", "PC1_2", "PC2_1", "PC2_2"].map(number);
        if pc.iter().any(Option::is_some) {
            let [a, b, c, d] = pc;
            [
                x * a.unwrap_or(1.0),
                x * b.unwrap_or(0.0),
                y * c.unwrap_or(0.0),
                y * d.unwrap_or(1.0),
            ]
        } else {
            let (sin, cos) = number("CROTA2").unwrap_or(0.0).to_radians().sin_cos();
            [x * cos, -y * sin, x * sin, y * cos]
        }
    };
    let area = matrix[0] * matrix[3] - matrix[1] * matrix[2];
    (area.is_finite() && area != 0.0).then_some(matrix)
}

/// The terms of a SIP polynomial: offsets in pixels (Shupe et al. 2005).
fn sip_terms(
    number: &dyn Fn(&str) -> Option<f64>,
    axis: &str,
) -> Result<Vec<(i32, i32, f64)>, String> {
    let order = number(&format!("{axis}_ORDER")).unwrap_or(0.0);
    if !(0.0..=SIP_ORDER).contains(&order) {
        return Err(format!("SIP of order {order} is not understood"));
    }
    let order = order as i32;
    let powers = (0..=order).flat_map(|p| (0..=order - p).map(move |q| (p, q)));
    let term = |(p, q)| Some((p, q, number(&format!("{axis}_{p}_{q}"))?));
    Ok(powers.filter_map(term).collect())
}

/// Whether a TAN header has SCAMP's polynomials. PV1_1 to PV1_4 mean something else in a
/// plain TAN, and nothing of axis 2 does.
fn has_pv(number: &dyn Fn(&str) -> Option<f64>) -> bool {
    (0..=LAST_PV).any(|m| number(&format!("PV2_{m}")).is_some_and(|v| v != 0.0))
        || (5..=LAST_PV).any(|m| number(&format!("PV1_{m}")).is_some_and(|v| v != 0.0))
}

fn polynomial(number: &dyn Fn(&str) -> Option<f64>, axis: usize) -> Vec<f64> {
    let one = |m: usize| {
        let missing = if m == 1 { 1.0 } else { 0.0 };
        number(&format!("PV{axis}_{m}")).unwrap_or(missing)
    };
    (0..=LAST_PV).map(one).collect()
}

/// A TPV polynomial: for each degree the powers from a^n to b^n, and after odd degrees r^n.
/// For axis 2 `a` and `b` change places. (FITS registry of conventions, TPV.)
fn distorted(terms: &[f64], a: f64, b: f64) -> f64 {
    let mut terms = terms.iter();
    let mut take = |value: f64| terms.next().map_or(0.0, |term| term * value);
    let mut sum = 0.0;
    for degree in 0..=7 {
        for power in 0..=degree {
            sum += take(a.powi(degree - power) * b.powi(power));
        }
        if degree % 2 == 1 {
            sum += take(a.hypot(b).powi(degree));
        }
    }
    sum
}
