# frozen_string_literal: true

# The calls to passkeyd: the Twilio Verify Passkeys API over plain HTTP.

require 'json'
require 'net/http'

# #region calls
module Passkeyd
  # What passkeyd refused. The page does not get to see it.
  class NotAccepted < StandardError; end

  BASE = "#{ENV.fetch('PASSKEYD_URL', 'http://127.0.0.1:8080')}/v2/Services/#{ENV.fetch('SERVICE_SID')}"

  module_function

  def call(kind, path, body = nil, type = 'application/json')
    uri = URI(BASE + path)
    request = kind.new(uri)
    request.basic_auth(ENV.fetch('ACCOUNT_SID'), ENV.fetch('AUTH_TOKEN'))
    if body
      request.body = body
      request.content_type = type
    end
    response = Net::HTTP.start(uri.host, uri.port, use_ssl: uri.scheme == 'https', read_timeout: 30) { |http| http.request(request) }
    status = response.code.to_i
    raise NotAccepted, response.body if (400..499).cover?(status)
    raise "#{status} #{response.body}" unless (200..299).cover?(status)

    JSON.parse(response.body) if status != 204
  end

  def post(path, body)
    call(Net::HTTP::Post, path, body.to_json)
  end

  # Keep the SID in the session of the browser, and send the options to the page.
  def start_registration(identity, account)
    factor = post('/Passkeys/Factors', identity: identity, friendly_name: account)
    [factor['sid'], factor['options']['publicKey']]
  end

  # Without an identity, the passkey says who the user is.
  def start_sign_in(identity = nil)
    challenge = post('/Passkeys/Challenges', identity ? { identity: identity } : {})
    [challenge['sid'], challenge['options']['publicKey']]
  end

  # Both return the identity whose passkey it is. `sid` is what the session kept.
  def finish_registration(credential, sid)
    finish('/Passkeys/VerifyFactor', credential, sid, 'verified')
  end

  def finish_sign_in(credential, sid)
    finish('/Passkeys/ApproveChallenge', credential, sid, 'approved')
  end

  def finish(path, credential, sid, status)
    answer = post(path, credential)
    raise NotAccepted, 'a credential of another ceremony' unless answer.values_at('sid', 'status') == [sid, status]

    answer['identity']
  end
  # #endregion

  # The list also has registrations that did not finish.
  def list(identity, page = 0)
    answer = call(Net::HTTP::Get, "/Entities/#{identity}/Factors?PageSize=100&Page=#{page}")
    verified = answer['factors'].select { |factor| factor['status'] == 'verified' }
    passkeys = verified.map do |factor|
      { id: factor['sid'], name: factor['friendly_name'], created: factor['date_created'], lastUsed: factor.dig('metadata', 'date_last_approved') }
    end
    answer.dig('meta', 'next_page_url') ? passkeys + list(identity, page + 1) : passkeys
  end

  # The caller checks that the user has this passkey.
  def rename(identity, id, name)
    call(Net::HTTP::Post, "/Entities/#{identity}/Factors/#{id}", URI.encode_www_form(FriendlyName: name), 'application/x-www-form-urlencoded')
  end

  def remove(identity, id)
    call(Net::HTTP::Delete, "/Entities/#{identity}/Factors/#{id}")
  end
end
