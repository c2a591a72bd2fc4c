// What was dropped: its files, with their paths where a folder is among them.

export async function filesOf(transfer) {
  // Entries must be asked for at once: the browser forgets them when the event is over.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  if (!entries.length) {
    const files = [...transfer.files].map((file) => ({ file, path: file.name }));
    return { files, isFolder: false };
  }
  const files = [];
  for (const entry of entries) await collect(entry, files);
  return { files, isFolder: entries.some((entry) => entry.isDirectory) };
}

async function collect(entry, files) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    files.push({ file, path: entry.fullPath.slice(1) });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // It gives a hundred or so at a time, and none at the end.
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!batch.length) return;
    for (const inside of batch) await collect(inside, files);
  }
}
