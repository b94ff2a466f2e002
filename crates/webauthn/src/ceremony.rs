//! What registrations and authentications have in common.

/// What signatures of ceremonies cover: authenticator data as received, followed by the hash of the client data.
pub(crate) fn signed_data(authenticator_data: &[u8], client_data_hash: &[u8; 32]) -> Vec<u8> {
    let mut signed = Vec::with_capacity(authenticator_data.len() + client_data_hash.len());
    signed.extend_from_slice(authenticator_data);
    signed.extend_from_slice(client_data_hash);
    signed
}
