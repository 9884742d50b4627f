"""What the service speaks about: waveforms, beats, measurements, reports and errors."""
