// Files are sent as soon as they are chosen or dropped, with progress, and can be stopped. What the
// server answers names them in the form, which then holds no file any more: nothing is sent twice.

import { filesOf } from "./dropped-files.js";

class Upload {
  constructor(root) {
    this.root = root;
    this.form = root.closest("form");
    this.zone = root.querySelector("[data-drop-zone]");
    this.inputs = [...root.querySelectorAll("input[type=file]")];
    this.sending = root.querySelector("[data-sending]");
    this.error = root.querySelector("[data-upload-error]");
    this.again = root.querySelector("[data-send-again]");
    this.staged = root.querySelector("[data-staged]");
    this.listen();
  }

  listen() {
    for (const input of this.inputs) input.addEventListener("change", () => this.choose(input));
    for (const name of ["dragenter", "dragover"]) {
      this.zone.addEventListener(name, (event) => {
        event.preventDefault();
        this.zone.classList.add("is-over");
      });
    }
    this.zone.addEventListener("dragleave", (event) => {
      if (!this.zone.contains(event.relatedTarget)) this.zone.classList.remove("is-over");
    });
    this.zone.addEventListener("drop", (event) => this.drop(event));
    this.root.querySelector("[data-stop-sending]").addEventListener("click", () => this.request?.abort());
    this.again.addEventListener("click", () => this.send(...this.last));
    this.staged.addEventListener("click", (event) => this.discard(event));
    this.form.addEventListener("submit", (event) => this.waitToSubmit(event));
    this.form.addEventListener("change", (event) => {
      const counts = !["name", "description"].includes(event.target.name) && !this.inputs.includes(event.target);
      const hasFiles = this.staged.children.length || this.form.querySelector("[name=sources_of]:checked");
      if (counts && hasFiles) this.recheck();
    });
  }

  // The page shows what the server says of the files together with the rest of the form.
  recheck() {
    this.form.dispatchEvent(new CustomEvent("recheck"));
  }

  choose(input) {
    const files = [...input.files];
    if (!files.length) return;
    const isFolder = input.hasAttribute("webkitdirectory");
    const chosen = files.map((file) => ({ file, path: isFolder ? file.webkitRelativePath : file.name }));
    this.send(chosen, isFolder);
  }

  async drop(event) {
    event.preventDefault();
    this.zone.classList.remove("is-over");
    try {
      const { files, isFolder } = await filesOf(event.dataTransfer);
      if (files.length) this.send(files, isFolder);
    } catch (error) {
      this.fail(`What was dropped cannot be read: ${error.message}`);
    }
  }

  send(files, isFolder) {
    this.request?.abort();
    this.last = [files, isFolder];
    this.fail("");
    const total = files.reduce((sum, { file }) => sum + file.size, 0);
    if (total > Number(this.root.dataset.maxBytes)) {
      this.fail(`That is ${size(total)}, and at most ${this.root.dataset.maxWords} may be sent.`);
      return;
    }
    const request = new XMLHttpRequest();
    this.request = request;
    request.open("POST", this.root.dataset.url);
    request.upload.addEventListener("progress", (event) => this.show(event.loaded, event.total));
    request.addEventListener("load", () => this.arrived(request));
    request.addEventListener("error", () => this.fail("The connection was lost.", true));
    request.addEventListener("abort", () => this.say("Sending was stopped. Nothing was kept."));
    request.addEventListener("loadend", () => this.rest(request));
    this.show(0, total);
    this.say(`Sending ${files.length === 1 ? files[0].file.name : `${files.length} files`}`);
    request.send(this.body(files, isFolder));
  }

  body(files, isFolder) {
    const body = new FormData();
    body.append("csrfmiddlewaretoken", this.form.elements.csrfmiddlewaretoken.value);
    for (const { file } of files) body.append(isFolder ? "folder" : "files", file);
    if (isFolder) body.append("folder_paths", JSON.stringify(files.map(({ path }) => path)));
    return body;
  }

  show(sent, total) {
    this.sending.hidden = false;
    const share = total ? sent / total : 1;
    this.sending.querySelector("progress").value = share;
    const words = share < 1 ? `${size(sent)} of ${size(total)}` : "Sent, being stored";
    this.sending.querySelector("[data-sent-words]").textContent = words;
  }

  arrived(request) {
    if (request.status === 201) {
      this.staged.innerHTML = request.responseText;
      for (const input of this.inputs) input.value = "";
      this.say("The files have arrived.");
      this.recheck();
    } else if (request.status === 422) this.fail(request.responseText);
    else if (request.status === 200) this.fail("You are signed out. Sign in in another tab, then:", true);
    else this.fail(`The server answered with an error (${request.status}).`, true);
  }

  // After any end; a submission that waited for the files goes on when they are there.
  rest(request) {
    if (this.request !== request) return;
    this.request = null;
    this.sending.hidden = true;
    const submitter = this.waiting;
    this.waiting = undefined;
    if (submitter !== undefined && request.status === 201) this.form.requestSubmit(submitter);
  }

  waitToSubmit(event) {
    if (!this.request) return;
    event.preventDefault();
    this.waiting = event.submitter;
    this.sending.querySelector("[data-sent-words]").textContent = "The form is sent after the files";
  }

  async discard(event) {
    const button = event.target.closest("[data-discard]");
    if (!button) return;
    const body = new FormData();
    body.append("csrfmiddlewaretoken", this.form.elements.csrfmiddlewaretoken.value);
    try {
      const answer = await fetch(button.dataset.discard, { method: "POST", body });
      if (!answer.ok) throw new Error(answer.statusText);
      this.staged.replaceChildren();
      this.form.querySelector("#checked")?.replaceChildren();
      this.say("The files are removed.");
      this.inputs[0].focus();
    } catch {
      this.fail("The files could not be removed: the server did not answer as expected.");
    }
  }

  fail(words, canSendAgain = false) {
    this.error.hidden = !words;
    this.error.querySelector("span").textContent = words;
    this.again.hidden = !canSendAgain;
    this.say(words);
  }

  say(words) {
    this.root.querySelector("[data-upload-status]").textContent = words;
  }
}

// As runs/formatting.py's file_size().
function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let place = 0;
  for (; bytes >= 1024 && place < units.length - 1; place++) bytes /= 1024;
  return `${place && bytes < 100 ? bytes.toFixed(1) : Math.round(bytes)} ${units[place]}`;
}

for (const root of document.querySelectorAll("[data-upload]")) new Upload(root);
