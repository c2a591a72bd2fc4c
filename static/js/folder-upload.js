// Only scripts are told where in a chosen folder each file lies: put the paths beside the files.
for (const upload of document.querySelectorAll("[data-upload]")) {
  const folder = upload.querySelector("input[webkitdirectory]");
  const paths = upload.querySelector("input[name=folder_paths]");
  folder.addEventListener("change", () => {
    paths.value = JSON.stringify([...folder.files].map((file) => file.webkitRelativePath));
  });
}
