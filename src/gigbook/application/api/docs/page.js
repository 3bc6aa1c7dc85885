// Draws a form for each operation of /openapi.json, and shows what the server answers when it is sent.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function resolve(api, schema) {
  if (!schema.$ref) return schema;
  return schema.$ref.slice(2).split("/").reduce((node, name) => node[name], api);
}

function example(api, schema) {
  const shape = resolve(api, schema);
  const values = Object.entries(shape.properties ?? {}).map(([name, field]) => {
    const alternatives = [field, ...(field.anyOf ?? [])].map((one) => resolve(api, one));
    return [name, alternatives.find((one) => one.examples)?.examples[0] ?? field.default ?? null];
  });
  return JSON.stringify(Object.fromEntries(values), null, 2);
}

function parameterField(parameter) {
  const { schema } = parameter;
  const hint = schema.default === undefined ? "" : `default ${schema.default}`;
  const input = schema.type === "boolean"
    ? make("select", {}, ...["", "true", "false"].map((value) => make("option", { value, textContent: value })))
    : make("input", { placeholder: hint, required: Boolean(parameter.required), autocomplete: "off" });
  input.name = `${parameter.in}:${parameter.name}`;
  const title = make("span", {}, parameter.name, " ", make("small", { textContent: `in ${parameter.in}` }));
  return make("label", {}, title, input, make("small", { textContent: parameter.description ?? "" }));
}

function bodyField(api, body) {
  const [kind, content] = Object.entries(body.content)[0];
  const input = make("textarea", { name: `body:${kind}`, value: example(api, content.schema), spellcheck: false });
  return make("label", {}, make("span", {}, "body ", make("small", { textContent: kind })), input);
}

function requestOf(method, path, form) {
  const headers = {}, query = new URLSearchParams();
  let address = path, body;
  for (const [field, value] of new FormData(form)) {
    const [place, name] = [field.slice(0, field.indexOf(":")), field.slice(field.indexOf(":") + 1)];
    if (place === "body") [headers["Content-Type"], body] = [name, value];
    else if (value === "") continue;
    else if (place === "path") address = address.replace(`{${name}}`, encodeURIComponent(value));
    else if (place === "query") query.append(name, value);
    else headers[name] = value;
  }
  const search = query.toString();
  return [search ? `${address}?${search}` : address, { method: method.toUpperCase(), headers, body }];
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function isStream(response) {
  return response.ok && response.headers.get("content-type").startsWith("text/event-stream");
}

// Shows what comes as it comes, until the next answer takes its place.
async function follow(response, answer) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    if (!answer.isConnected) return reader.cancel();
    answer.append(piece.value);
  }
}

async function send(method, path, form, output) {
  const [address, request] = requestOf(method, path, form);
  const line = make("strong", { textContent: `${request.method} ${address} …` });
  output.replaceChildren(line);
  try {
    const response = await fetch(address, request);
    line.textContent = `${request.method} ${address} → ${response.status} ${response.statusText}`;
    const rows = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    const answer = make("pre", { className: "answer" });
    if (isStream(response)) {
      output.append(make("pre", { textContent: rows }), answer);
      await follow(response, answer);
    } else {
      answer.textContent = pretty(await response.text());
      output.append(make("pre", { textContent: rows }), answer);
    }
  } catch (error) {
    output.append(make("pre", { textContent: `No answer: ${error.message}` }));
  }
}

function outcomes(responses) {
  const rows = Object.entries(responses).map(([status, response]) =>
    make("tr", {}, make("td", { textContent: status }), make("td", { textContent: response.description })));
  return make("div", {}, make("small", { textContent: "Possible answers" }), make("table", {}, ...rows));
}

function draw(api, path, method, operation) {
  const output = make("output");
  const form = make("form", { noValidate: false }, make("div", { textContent: operation.description ?? "" }));
  form.append(...operation.parameters.map(parameterField));
  if (operation.requestBody) form.append(bodyField(api, operation.requestBody));
  form.append(make("button", { textContent: "Send" }), output, outcomes(operation.responses));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(method, path, form, output);
  });
  return make("details", { id: operation.operationId },
    make("summary", {},
      make("span", { className: "method", textContent: method.toUpperCase() }),
      make("span", { className: "path", textContent: path }),
      make("span", { className: "title", textContent: operation.summary })),
    form);
}

async function main() {
  const api = await (await fetch("/openapi.json")).json();
  document.getElementById("version").textContent = `${api.info.title} ${api.info.version}`;
  const place = document.getElementById("operations");
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const [group] = item[method].tags;
      if (!groups.has(group)) groups.set(group, make("section", {}, make("h2", { textContent: group })));
      groups.get(group).append(draw(api, path, method, item[method]));
    }
  }
  place.replaceChildren(...groups.values());
  document.getElementById(location.hash.slice(1))?.setAttribute("open", "");
}

main().catch((error) => document.getElementById("operations").append(`The API does not answer: ${error.message}`));
