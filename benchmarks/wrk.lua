-- Sends the bodies of a file one after the other, over and over, and prints what came back as one line of JSON.
-- The file: for each body its length in bytes, a line feed, and the body. Written for one thread (-t 1).

local requests, sent = {}, 0

function init(arguments)
  local headers = { ["Content-Type"] = arguments[2] }
  local file = assert(io.open(arguments[1], "rb"))
  local length = file:read("*n")
  while length do
    file:read(1)
    requests[#requests + 1] = wrk.format("POST", nil, headers, file:read(length))
    length = file:read("*n")
  end
  file:close()
end

function request()
  sent = sent + 1
  return requests[(sent - 1) % #requests + 1]
end

function done(summary, latency)
  local seen = {}
  for i = 1, #latency do
    local microseconds, times = latency(i)
    seen[i] = string.format("[%d,%d]", microseconds, times)
  end
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"refused":%d,"failed":%d,"latency":[%s]}\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    table.concat(seen, ",")))
end
