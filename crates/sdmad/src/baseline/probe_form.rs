use serde_json::{Value, json};

use sdmad_base::Result;

use super::log_sum_exp;
use crate::adapt::merit;
use crate::bridge::BridgeSettings;
use crate::model::among_all;
use crate::{Bridge, Coexistence, FittedBridge, ProbeForm, SupportSet};

/// The linear probe in the form that is better out of fold: mean AUROC of normal and of each category against the rest,
/// each by the form's own rule. One against the rest where categories go together, where nothing can be measured, and in
/// a tie.
pub(crate) fn choose_probe_form(
    one: FittedBridge,
    support: &SupportSet,
    settings: &BridgeSettings,
    coexistence: Coexistence,
    log: &mut Vec<Value>,
) -> Result<(FittedBridge, Option<ProbeForm>)> {
    let rest = Some(ProbeForm::OneAgainstRest);
    if coexistence == Coexistence::MultiLabel {
        return Ok((one, rest));
    }
    let Some(multinomial) = Bridge::fit_multinomial(support, settings, one.folds.as_ref())? else {
        return Ok((one, rest));
    };
    let measured = |fitted: &FittedBridge, read: &dyn Fn(&Vec<f64>) -> Vec<f64>| {
        let read: Vec<Vec<f64>> = fitted.out_of_fold.iter().flatten().map(read).collect();
        merit(&read, &support.labels)
    };
    let by_one = measured(&one, &|z| [vec![z[0]], among_all(z, coexistence)].concat());
    let by_all = measured(&multinomial, &|z| {
        let all = log_sum_exp(z);
        [vec![z[0] - log_sum_exp(&z[1..])], z[1..].iter().map(|z| z - all).collect()].concat()
    });
    log.push(json!({
        "stage": "form of the probe", "one_against_rest": by_one, "multinomial": by_all,
        "one_against_rest_l2": one.probe_l2, "multinomial_l2": multinomial.probe_l2,
    }));
    Ok(if by_all > by_one { (multinomial, Some(ProbeForm::Multinomial)) } else { (one, rest) })
}
