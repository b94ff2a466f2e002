# frozen_string_literal: true

# Passkeys in Ruby with WEBrick. The browser talks to this server, and this server talks to passkeyd.

require 'securerandom'
require 'webrick'
require_relative 'passkeyd'

PORT = ENV.fetch('PORT', '3000')
ORIGIN = ENV.fetch('ORIGIN', "http://localhost:#{PORT}")

# Accounts and sessions are in memory. Keep yours in a database where names are unique.
# The identity is what passkeyd knows: it is random, never changes, and says nothing about the person.
IDENTITIES = {} # name => identity
NAMES = {} # identity => name
SESSIONS = {} # key => { expires:, ... }
LOCK = Mutex.new

class Refused < StandardError
  attr_reader :status, :reason

  def initialize(status, message, reason = nil)
    super(message)
    @status = status
    @reason = reason
  end
end

# The first is the same for a wrong passkey and for an account that does not exist.
SIGN_IN_FAILED = Refused.new(401, 'The sign-in failed.')
START_AGAIN = Refused.new(400, 'Start again.')
TAKEN = Refused.new(409, 'This name is taken. Sign in to add a passkey to it.')

class App < WEBrick::HTTPServlet::AbstractServlet
  ROUTES = {
    'GET /me' => :me, 'POST /register/start' => :register_start, 'POST /register/finish' => :register_finish,
    'POST /passkeys/start' => :add_start, 'POST /passkeys/finish' => :add_finish, 'POST /passkeys/rename' => :rename,
    'POST /passkeys/delete' => :remove, 'POST /sign-in/start' => :sign_in_start, 'POST /sign-in/finish' => :sign_in_finish,
    'POST /step-up/start' => :step_up_start, 'POST /step-up/finish' => :step_up_finish, 'POST /sign-out' => :sign_out
  }.freeze
  FILES = %w[/index.html /page.js /passkeys.js /style.css].freeze

  # WEBrick makes an object for each request.
  def service(request, response)
    @request = request
    @response = response
    response['Content-Security-Policy'] = "default-src 'self'; frame-ancestors 'none'"
    route = ROUTES["#{request.request_method} #{request.path}"]
    file = request.path == '/' ? '/index.html' : request.path
    return send_file(file) if request.request_method == 'GET' && FILES.include?(file)
    raise Refused.new(404, 'There is no such page.') unless route

    read_body unless request.request_method == 'GET'
    send_json(200, send(route))
  rescue Refused => e
    refuse(e)
  rescue Passkeyd::NotAccepted => e
    refuse(Refused.new(400, 'The request was not accepted.'), e)
  rescue StandardError => e
    refuse(Refused.new(502, 'Something went wrong. Try again.'), e)
  end

  private

  # The page gets one sentence. The log gets what passkeyd said.
  def refuse(refusal, cause = refusal.cause)
    warn "#{@request.path}: #{cause.message}" if cause
    send_json(refusal.status, { error: refusal.message, reason: refusal.reason })
  end

  def send_json(status, body)
    @response.status = status
    @response['Content-Type'] = 'application/json'
    @response.body = body.to_json
  end

  def send_file(file)
    @response['Content-Type'] = { '.html' => 'text/html', '.js' => 'text/javascript', '.css' => 'text/css' }[File.extname(file)] + '; charset=utf-8'
    @response.body = File.read(File.join(__dir__, '../web', file))
  end

  def read_body
    # A page of another site can send requests with our cookie, but not with our origin.
    raise Refused.new(403, 'The request comes from another site.') unless @request['Origin'] == ORIGIN
    raise Refused.new(415, 'Send JSON.') unless @request.content_type.to_s.split(';').first == 'application/json'
    raise Refused.new(413, 'The request is too long.') if @request['Transfer-Encoding'] || @request.content_length > 65_536

    @body = JSON.parse(@request.body.to_s)
    raise Refused.new(400, 'Send a JSON object.') unless @body.is_a?(Hash)
  rescue JSON::ParserError
    raise Refused.new(400, 'Send a JSON object.')
  end

  def text(member)
    @body[member].is_a?(String) ? @body[member].strip : ''
  end

  def name
    raise Refused.new(400, 'A name has 1 to 64 characters.') unless (1..64).cover?(text('name').length)

    text('name')
  end

  # The session of the browser, or nil.
  def session
    @key ||= @request.cookies.find { |cookie| cookie.name == 'session' }&.value
    found = SESSIONS[@key]
    found if found && found[:expires] > Time.now
  end

  def new_session
    LOCK.synchronize do
      SESSIONS.delete_if { |key, old| key == @key || old[:expires] < Time.now }
      @key = SecureRandom.urlsafe_base64(32)
      SESSIONS[@key] = { expires: Time.now + 8 * 3600 }
    end
    secure = ORIGIN.start_with?('https:') ? '; Secure' : ''
    @response['Set-Cookie'] = "session=#{@key}; Path=/; Max-Age=#{8 * 3600}; HttpOnly; SameSite=Lax#{secure}"
    SESSIONS[@key]
  end

  def signed_in
    session&.[](:identity) || raise(Refused.new(401, 'Sign in first.'))
  end

  # A new session id: who knew the old one is not signed in.
  def sign_in(identity)
    new_session[:identity] = identity
    confirm
  end

  # A sign-in or a step-up allows one change of the passkeys within five minutes.
  def confirm
    session[:confirmed_until] = Time.now + 300
  end

  def use_confirmation
    confirmed_until = session.delete(:confirmed_until)
    raise Refused.new(403, 'Confirm that it is you.', 'step_up_required') unless confirmed_until && confirmed_until > Time.now
  end

  # The session remembers which ceremony it began, for what and for whom. Nothing of this comes from the page.
  def begin_ceremony(purpose, started, **more)
    sid, options = started
    (session || new_session)[:pending] = { purpose: purpose, sid: sid, **more }
    options
  end

  def begun(purpose, refusal = START_AGAIN)
    pending = session&.delete(:pending)
    raise refusal unless pending && pending[:purpose] == purpose

    pending
  end

  def me
    identity = session&.[](:identity)
    identity ? { name: NAMES[identity], passkeys: Passkeyd.list(identity) } : { name: nil }
  end

  # #region register
  # A new account gets a new identity. A name that exists is refused: its passkeys are added in its own session only.
  def register_start
    account = name.downcase
    raise TAKEN if IDENTITIES.key?(account)

    identity = "user-#{SecureRandom.uuid}"
    begin_ceremony('register', Passkeyd.start_registration(identity, account), identity: identity, account: account)
  end

  def register_finish
    pending = begun('register')
    identity = pending[:identity]
    raise START_AGAIN unless Passkeyd.finish_registration(@body, pending[:sid]) == identity
    # Another registration may have taken the name meanwhile.
    raise TAKEN unless LOCK.synchronize { IDENTITIES[pending[:account]] ||= identity } == identity

    NAMES[identity] = pending[:account]
    sign_in(identity)
    {}
  end
  # #endregion

  # #region add
  # Another passkey: the identity is the one of the session, whatever the page sends.
  def add_start
    identity = signed_in
    use_confirmation
    begin_ceremony('add', Passkeyd.start_registration(identity, NAMES[identity]))
  end

  def add_finish
    identity = signed_in
    raise START_AGAIN unless Passkeyd.finish_registration(@body, begun('add')[:sid]) == identity

    {}
  end
  # #endregion

  # Every sign-in starts in the same way, with a name or without: its response cannot say which names exist.
  def sign_in_start
    begin_ceremony('sign-in', Passkeyd.start_sign_in, account: (name.downcase if @body.key?('name')))
  end

  def sign_in_finish
    pending = begun('sign-in', SIGN_IN_FAILED)
    begin
      identity = Passkeyd.finish_sign_in(@body, pending[:sid])
    rescue Passkeyd::NotAccepted
      raise Refused.new(401, SIGN_IN_FAILED.message)
    end
    account = NAMES[identity]
    raise SIGN_IN_FAILED unless account && [nil, account].include?(pending[:account])

    sign_in(identity)
    {}
  end

  def step_up_start
    begin_ceremony('step-up', Passkeyd.start_sign_in(signed_in))
  end

  def step_up_finish
    identity = signed_in
    used = Passkeyd.finish_sign_in(@body, begun('step-up')[:sid])
    raise Refused.new(401, "This is another user's passkey.") unless used == identity

    confirm
    {}
  end

  # The id comes from the page, so it must be one of the passkeys of this account.
  def own_passkeys
    all = Passkeyd.list(signed_in)
    raise Refused.new(404, 'There is no such passkey.') unless all.any? { |passkey| passkey[:id] == @body['id'] }

    all
  end

  def rename
    own_passkeys
    Passkeyd.rename(signed_in, @body['id'], name)
    {}
  end

  def remove
    raise Refused.new(409, 'This is your only passkey.') if own_passkeys.length < 2

    use_confirmation
    Passkeyd.remove(signed_in, @body['id'])
    {}
  end

  def sign_out
    LOCK.synchronize { SESSIONS.delete(@key) } if session
    {}
  end
end

server = WEBrick::HTTPServer.new(Port: PORT.to_i, BindAddress: 'localhost', AccessLog: [], DoNotReverseLookup: true)
server.mount('/', App)
%w[INT TERM].each { |signal| trap(signal) { server.shutdown } }
puts "Open #{ORIGIN}"
server.start
