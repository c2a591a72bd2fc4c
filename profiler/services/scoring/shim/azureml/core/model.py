"""`Model.get_model_path`, for scripts that find their model through it.

Written for services in which the package azureml-core is not installed; where it is, that one is
used. It runs on the service's own Python, so it keeps to the standard library and old syntax.
"""

import os


class Model:
    @staticmethod
    def get_model_path(model_name, version=None, _workspace=None):
        """Path of a model's file or folder; looks where the service put them, then in ./<name>.

        Without a version the highest is meant. Raises ValueError when there is no such model.
        """
        root = os.path.join(os.environ.get("AML_APP_ROOT", os.getcwd()), "azureml-models")
        folder = os.path.join(root, model_name)
        if os.path.isdir(folder):
            return _only_entry(os.path.join(folder, _version(folder, model_name, version)))
        if os.path.exists(model_name):
            return model_name
        raise ValueError(
            "Model {!r} is not in this service: neither {} nor ./{} exists. "
            "Models here: {}.".format(model_name, folder, model_name, _names(root) or "none")
        )


def _version(folder, model_name, version):
    versions = sorted((name for name in os.listdir(folder) if name.isdigit()), key=int)
    if version is None and versions:
        return versions[-1]
    if str(version) in versions:
        return str(version)
    raise ValueError(
        "Model {!r} has no version {} in this service; it has: {}.".format(
            model_name, version, ", ".join(versions) or "none"
        )
    )


def _only_entry(folder):
    entries = os.listdir(folder)
    if len(entries) != 1:
        raise ValueError(f"{folder} should hold one file or folder, not {len(entries)}")
    return os.path.join(folder, entries[0])


def _names(root):
    return ", ".join(sorted(os.listdir(root))) if os.path.isdir(root) else ""
