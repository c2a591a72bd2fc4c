from django.db import migrations


def add_standard(apps, schema_editor):
    """The policy that runs have followed so far, by its name; its values are the fields' defaults."""
    apps.get_model("runs", "SizingPolicy").objects.create(name="standard", is_default=True)


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0009_sizing_policy"),
    ]

    operations = [migrations.RunPython(add_standard, migrations.RunPython.noop)]
