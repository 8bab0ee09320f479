// What a generated client of gRPC-web does, by hand: frames to base64 and back, so that Python has the messages.
window.grpcWeb = {
  // Calls a method; gives { status, headers, messages, trailers }. `until` messages end it early, by an abort.
  async call(path, message, { headers = {}, until = 0 } = {}) {
    const bytes = Uint8Array.from(atob(message), (each) => each.charCodeAt(0));
    const body = new Uint8Array(5 + bytes.length);
    new DataView(body.buffer).setUint32(1, bytes.length);
    body.set(bytes, 5);
    const controller = new AbortController();
    const response = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1", ...headers },
      body,
      signal: controller.signal,
    });
    const answer = { status: response.status, headers: Object.fromEntries(response.headers), messages: [], trailers: null };
    const reader = response.body.getReader();
    let rest = new Uint8Array(0);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return answer;
      const joined = new Uint8Array(rest.length + value.length);
      joined.set(rest);
      joined.set(value, rest.length);
      rest = joined;
      while (rest.length >= 5) {
        const size = new DataView(rest.buffer, rest.byteOffset).getUint32(1);
        if (rest.length < 5 + size) break;
        const content = rest.slice(5, 5 + size);
        if (rest[0] & 0x80) answer.trailers = new TextDecoder().decode(content);
        else answer.messages.push(btoa(Array.from(content, (each) => String.fromCharCode(each)).join("")));
        rest = rest.slice(5 + size);
        if (until && answer.messages.length >= until) {
          controller.abort();
          return answer;
        }
      }
    }
  },
};
