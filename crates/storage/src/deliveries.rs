//! How a delivery lies in a row, the same in every store with tables.

use domain::model::clock::Timestamp;
use domain::model::notice::{Delivery, DeliveryState};
use domain::store::Fault;

/// `deliveries.state` of a delivery that waits.
pub(crate) const WAITING: i64 = 0;

/// The column of the state.
pub(crate) fn state(delivery: &Delivery) -> i64 {
    match delivery.state {
        DeliveryState::Waiting => WAITING,
        DeliveryState::Delivered => 1,
        DeliveryState::Failed => 2,
    }
}

/// The delivery in the columns `body` and `due`. A claim moves only the column.
pub(crate) fn read(body: &str, due: i64) -> Result<Delivery, Fault> {
    let mut delivery: Delivery = serde_json::from_str(body)
        .map_err(|_| Fault::Unreadable("a delivery cannot be read".to_owned()))?;
    delivery.due = Timestamp(due);
    Ok(delivery)
}
