# In place of ssh: runs the command on one of several buses, at the end of a slow line.
#   BENCH_BUSES  the addresses of the buses; the number in the name of the host selects one
#   BENCH_DELAY  seconds that data takes in each direction
use strict;
use warnings;
use Time::HiRes qw(sleep time);

shift while $ARGV[0] ne '--';
shift;
my ($number) = shift =~ /(\d+)/;
my @buses = split ' ', $ENV{BENCH_BUSES};
push @ARGV, "--bus-path=$buses[$number % @buses]" if $ARGV[0] eq 'systemd-stdio-bridge';
my $delay = $ENV{BENCH_DELAY};
exec @ARGV unless $delay;

sleep $delay;
pipe my $from_us, my $to_command;
pipe my $from_command, my $to_us;
my $command = fork;
if (!$command) {
  open STDIN, '<&', $from_us;
  open STDOUT, '>&', $to_us;
  close $_ for $from_us, $to_command, $from_command, $to_us;
  exec @ARGV;
}
close $from_us;
close $to_us;
$SIG{PIPE} = 'IGNORE';
$SIG{TERM} = sub { kill TERM => $command; exit 255 };

# each direction: where data comes from, where it goes, and what is on its way with the time of its arrival
my @directions = ([\*STDIN, $to_command, []], [$from_command, \*STDOUT, []]);
until (!$directions[1][0] && !@{$directions[1][2]}) {
  my $ready = '';
  my $next;
  for (@directions) {
    my ($from, undef, $travelling) = @$_;
    vec($ready, fileno $from, 1) = 1 if $from;
    $next = $travelling->[0][0] if @$travelling && (!defined $next || $travelling->[0][0] < $next);
  }
  my $wait = defined $next ? $next - time : undef;
  $wait = 0 if defined $wait && $wait < 0;
  select $ready, undef, undef, $wait;
  for (@directions) {
    my ($from, $to, $travelling) = @$_;
    if ($from && vec $ready, fileno $from, 1) {
      $_->[0] = undef unless sysread $from, my $data, 65536;
      push @$travelling, [time + $delay, $data];
    }
    while (@$travelling && $travelling->[0][0] <= time) {
      my (undef, $data) = @{shift @$travelling};
      if (length $data) { syswrite $to, $data } else { close $to }
    }
  }
}
waitpid $command, 0;
exit $? >> 8;
