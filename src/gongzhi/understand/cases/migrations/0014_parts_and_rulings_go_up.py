import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def wind_the_clocks(apps, editor):
    """What is open already goes up as well: its first step is due when it is late, for it was asked before the rule."""
    for model, state in (("CoHandler", "asked"), ("Ruling", "open")):
        rows = apps.get_model("cases", model).objects.filter(state=state, escalate_at=None)
        rows.update(escalate_at=models.F("due_at"))


class Migration(migrations.Migration):

    dependencies = [
        ('cases', '0013_words_can_be_erased'),
        ('places', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='slip',
            name='one_slip_a_step',
        ),
        migrations.AddField(
            model_name='cohandler',
            name='escalate_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='cohandler',
            name='escalation',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='ruling',
            name='escalate_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='ruling',
            name='escalation',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='slip',
            name='part',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='slips', to='cases.cohandler'),
        ),
        migrations.AddField(
            model_name='slip',
            name='ruling',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='slips', to='cases.ruling'),
        ),
        migrations.AddIndex(
            model_name='cohandler',
            index=models.Index(condition=models.Q(('state', 'asked')), fields=['escalate_at'], name='part_by_escalation'),
        ),
        migrations.AddIndex(
            model_name='ruling',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['escalate_at'], name='ruling_by_escalation'),
        ),
        migrations.AddConstraint(
            model_name='slip',
            constraint=models.UniqueConstraint(condition=models.Q(('part__isnull', True), ('ruling__isnull', True)), fields=('case', 'step', 'opened_at'), name='one_slip_a_step'),
        ),
        migrations.AddConstraint(
            model_name='slip',
            constraint=models.UniqueConstraint(fields=('part', 'step'), name='one_slip_a_step_of_a_part'),
        ),
        migrations.AddConstraint(
            model_name='slip',
            constraint=models.UniqueConstraint(fields=('ruling', 'step'), name='one_slip_a_step_of_a_ruling'),
        ),
        migrations.AddConstraint(
            model_name='slip',
            constraint=models.CheckConstraint(condition=models.Q(('part__isnull', True), ('ruling__isnull', True), _connector='OR'), name='slip_is_about_one_thing'),
        ),
        migrations.RunPython(wind_the_clocks, migrations.RunPython.noop),
    ]
